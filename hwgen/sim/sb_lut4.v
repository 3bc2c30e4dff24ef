// What the LUT4 of an iCE40 logic cell does (Lattice, iCE40 technology library), for simulation.
module SB_LUT4 (
    input I0, I1, I2, I3,
    output O
);
    parameter LUT_INIT = 16'h0000;
    assign O = LUT_INIT[{I3, I2, I1, I0}];
endmodule
