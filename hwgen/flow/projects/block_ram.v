// The block RAM of m10k.txt and m9k.txt, from outside: without its ports' directions ABC9 would take what it gives for
// undefined.

(* blackbox *)
module BLOCK_RAM #(
    parameter INIT = 0,
    parameter PORT_W_WIDTH = 40,
    parameter PORT_R_WIDTH = 40
) (
    input PORT_W_CLK,
    input [12:0] PORT_W_ADDR,
    input [PORT_W_WIDTH - 1:0] PORT_W_WR_DATA,
    input PORT_W_WR_EN,
    input PORT_R_CLK,
    input [12:0] PORT_R_ADDR,
    input PORT_R_RD_EN,
    output [PORT_R_WIDTH - 1:0] PORT_R_RD_DATA
);
endmodule
