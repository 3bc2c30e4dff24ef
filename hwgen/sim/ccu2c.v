// What a carry cell of ECP5 does (Lattice FPGA-TN-02200, slice in ripple mode), for simulation. Each half: a LUT4, a LUT2
// from the table's lowest four bits, and a multiplexer for the carry. INJECT1 is "NO" wherever hwgen uses the cell.
module CCU2C (
    input CIN, A0, B0, C0, D0, A1, B1, C1, D1,
    output S0, S1, COUT
);
    parameter INIT0 = 16'h0000;
    parameter INIT1 = 16'h0000;
    parameter INJECT1_0 = "NO";
    parameter INJECT1_1 = "NO";
    wire p0 = INIT0[{D0, C0, B0, A0}];
    wire p1 = INIT1[{D1, C1, B1, A1}];
    wire middle = p0 ? CIN : INIT0[{2'b00, B0, A0}];
    assign COUT = p1 ? middle : INIT1[{2'b00, B1, A1}];
    assign S0 = p0 ^ CIN;
    assign S1 = p1 ^ middle;
endmodule
