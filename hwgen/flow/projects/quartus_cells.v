// What Amaranth's platform for Quartus instantiates, in logic: Yosys has no such cells, or not all of their ports.

module altiobuf_in #(
    parameter enable_bus_hold = "FALSE",
    parameter use_differential_mode = "FALSE",
    parameter number_of_channels = 1
) (
    input [number_of_channels - 1:0] datain,
    output [number_of_channels - 1:0] dataout
);
    assign dataout = datain;
endmodule

module altiobuf_out #(
    parameter enable_bus_hold = "FALSE",
    parameter use_differential_mode = "FALSE",
    parameter use_oe = "FALSE",
    parameter number_of_channels = 1
) (
    input [number_of_channels - 1:0] datain,
    input [number_of_channels - 1:0] oe,
    output [number_of_channels - 1:0] dataout
);
    genvar i;
    generate
        for (i = 0; i < number_of_channels; i = i + 1)
            assign dataout[i] = oe[i] ? datain[i] : 1'bz;
    endgenerate
endmodule

module altera_std_synchronizer #(
    parameter depth = 2
) (
    input clk,
    input reset_n,
    input din,
    output dout
);
    reg [depth - 1:0] stages;
    always @(posedge clk or negedge reset_n)
        if (!reset_n) stages <= 0;
        else stages <= {stages[depth - 2:0], din};
    assign dout = stages[depth - 1];
endmodule

module altera_std_synchronizer_bundle #(
    parameter width = 1,
    parameter depth = 2
) (
    input clk,
    input reset_n,
    input [width - 1:0] din,
    output [width - 1:0] dout
);
    genvar i;
    generate
        for (i = 0; i < width; i = i + 1)
            altera_std_synchronizer #(.depth(depth)) one (.clk(clk), .reset_n(reset_n), .din(din[i]), .dout(dout[i]));
    endgenerate
endmodule
