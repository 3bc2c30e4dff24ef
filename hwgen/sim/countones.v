// The popcount of a word, for simulation.
module COUNTONES #(
    parameter BITS = 1,
    parameter WIDTH = 1
) (
    input [BITS-1:0] value,
    output [WIDTH-1:0] count
);
    assign count = WIDTH'($countones(value));
endmodule
