// What the carry gate of an iCE40 logic cell does (Lattice, iCE40 technology library), for simulation.
module SB_CARRY (
    input I0, I1, CI,
    output CO
);
    assign CO = I0 & I1 | CI & (I0 | I1);
endmodule
