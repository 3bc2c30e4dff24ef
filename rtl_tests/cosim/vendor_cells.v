// What the cells of Vivado's and Quartus's projects do in a simulation with one clock: a PLL gives its reference.

module IBUF (input I, output O);
    assign O = I;
endmodule

module OBUFT (input I, input T, output O);
    assign O = T ? 1'bz : I;
endmodule

module BUFG (input I, output O);
    assign O = I;
endmodule

module BUFGCTRL #(parameter SIM_DEVICE = "7SERIES") (
    input I0, input S0, input CE0, input IGNORE0, input I1, input S1, input CE1, input IGNORE1, output O
);
    assign O = S0 & CE0 ? I0 : S1 & CE1 ? I1 : 1'b0;
endmodule

module FDPE #(parameter INIT = 1'b1) (input C, input CE, input PRE, input D, output reg Q);
    initial Q = INIT;
    always @(posedge C or posedge PRE)
        if (PRE) Q <= 1'b1;
        else if (CE) Q <= D;
endmodule

module STARTUPE2 (output EOS);
    assign EOS = 1'b1;
endmodule

module MMCME2_BASE #(
    parameter real CLKIN1_PERIOD = 0, parameter real CLKFBOUT_MULT_F = 0, parameter real CLKOUT0_DIVIDE_F = 0,
    parameter integer DIVCLK_DIVIDE = 0
) (input CLKIN1, input CLKFBIN, input PWRDWN, input RST, output CLKFBOUT, output CLKOUT0, output LOCKED);
    assign CLKOUT0 = CLKIN1;
    assign CLKFBOUT = 1'b0;
    assign LOCKED = ~RST & ~PWRDWN;
endmodule

module altera_pll #(
    parameter operation_mode = "", parameter fractional_vco_multiplier = "", parameter pll_type = "",
    parameter pll_subtype = "", parameter reference_clock_frequency = "", parameter number_of_clocks = 0,
    parameter output_clock_frequency0 = "", parameter phase_shift0 = "", parameter duty_cycle0 = 0
) (input refclk, input rst, input fbclk, output outclk, output locked);
    assign outclk = refclk;
    assign locked = ~rst;
endmodule

module altpll #(
    parameter intended_device_family = "", parameter lpm_type = "", parameter operation_mode = "",
    parameter compensate_clock = "", parameter pll_type = "", parameter inclk0_input_frequency = 0,
    parameter clk0_multiply_by = 0, parameter clk0_divide_by = 0, parameter clk0_duty_cycle = 0,
    parameter clk0_phase_shift = "", parameter port_areset = "", parameter port_inclk0 = "",
    parameter port_inclk1 = "", parameter port_clk0 = "", parameter port_locked = "", parameter width_clock = 0
) (input [1:0] inclk, output [4:0] clk, output locked);
    assign clk = {4'b0, inclk[0]};
    assign locked = 1'b1;
endmodule
