// What an ALU of Gowin does in mode ADDSUB (Gowin UG288, "CFU"), and with another table, as the open tools take it
// (docs/decisions/0015-gowin.md), for simulation. The LUT4's third input is 1; its lowest four bits make the carry.
module ALU (
    input I0, I1, I3, CIN,
    output SUM, COUT
);
    parameter ALU_MODE = 2;
    parameter [15:0] RAW_ALU_LUT = 16'h609a;
    wire p = RAW_ALU_LUT[{I3, 1'b1, I1, I0}];
    assign SUM = p ^ CIN;
    assign COUT = p ? CIN : RAW_ALU_LUT[{2'b00, I1, I0}];
endmodule
