"""A model of Gowin's block RAM, of which Yosys gives the ports alone. Source: Gowin UG285, "BSRAM & SSRAM".

1,024 rows of two bytes, of 8 bits, or of 9 in the cells whose name has X9. A port of w bits takes the upper address
bits as a row and the lower ones as a part of it; one of 32 or 36 bits takes two rows. Ports of two bytes and more write
those whose enables stand on the lowest address bits. Words come without an output register (READ_MODE 0); what a read
gives while the other port writes the same row is left unknown (here: the old row), since no design of ours asks.
"""

ROWS = range(64)

_RAM = """
module GOWIN_RAM #(
  parameter BYTE = 9, WIDTH_A = 18, WIDTH_B = 18, MODE_A = 0, MODE_B = 0,
  parameter [2048*BYTE-1:0] INIT = 0
) (
  input clk_a, clk_b, ce_a, ce_b, we_a, we_b,
  input [13:0] ad_a, ad_b,
  input [35:0] di_a, di_b,
  output reg [35:0] do_a, do_b
);
  reg [2*BYTE-1:0] memory [0:1023];
  integer k;
  initial begin
    do_a = 0;
    do_b = 0;
    for (k = 0; k < 1024; k = k + 1) memory[k] = INIT[k * 2 * BYTE +: 2 * BYTE];
  end

  function integer place(input integer width, input [13:0] address);  // first bit of the part of a row
    case (width)
      8, 9: place = address[3] * BYTE;
      4: place = address[3:2] * 4;
      2: place = address[3:1] * 2;
      1: place = {28'd0, address[3:0]};
      default: place = 0;
    endcase
  endfunction

  function [2*BYTE-1:0] mask(input integer width, input [13:0] address);  // bits of a row that a write changes
    case (width)
      32, 36, 16, 18: mask = {{BYTE{address[1]}}, {BYTE{address[0]}}};
      default: mask = ((1 << width) - 1) << place(width, address);
    endcase
  endfunction

  function [9:0] row(input integer width, input [13:0] address);
    row = width >= 32 ? {address[13:5], 1'b0} : address[13:4];
  endfunction

  function [35:0] word(input integer width, input [13:0] address);
    word = memory[row(width, address)] >> place(width, address) & (width >= 32 ? ~36'd0 : (36'd1 << width) - 36'd1);
    if (width >= 32) word = word | 36'(memory[row(width, address) + 10'd1]) << 2 * BYTE;
  endfunction

"""

_PORT = """
  wire [2*BYTE-1:0] mask_{p} = mask(WIDTH_{P}, ad_{p});
  wire [2*BYTE-1:0] high_{p} = {{{{BYTE{{ad_{p}[3]}}}}, {{BYTE{{ad_{p}[2]}}}}}};
  wire [9:0] row_{p} = row(WIDTH_{P}, ad_{p});
  always @(posedge clk_{p}) if (ce_{p}) begin
    if (we_{p}) begin
      memory[row_{p}] <= memory[row_{p}] & ~mask_{p} | di_{p}[2*BYTE-1:0] << place(WIDTH_{P}, ad_{p}) & mask_{p};
      if (WIDTH_{P} >= 32)
        memory[row_{p} + 10'd1] <= memory[row_{p} + 10'd1] & ~high_{p} | di_{p}[2*BYTE +: BYTE*2] & high_{p};
    end
    if (!we_{p} || MODE_{P} == 2) do_{p} <= word(WIDTH_{P}, ad_{p});
    else if (MODE_{P} == 1) do_{p} <= di_{p};
  end
"""

_CHECK = """
  initial if ({bad}) begin $display("{name}: a mode that this model lacks"); $finish; end
  always @(posedge {clock}) if ({resets}) begin $display("{name}: a reset, which this model lacks"); $finish; end
"""


def gowin_rams() -> str:
    """Verilog of the modules SP, SPX9, DPB, DPX9B, SDPB and SDPX9B."""
    ram = _RAM + _PORT.format(p="a", P="A") + _PORT.format(p="b", P="B") + "endmodule\n"
    return ram + "".join(make(nine) for make in (_single, _dual, _simple) for nine in (False, True))


def _module(name, nine, ports, parameters, inside, bad, clock, resets):
    bits = 288 if nine else 256
    inits = "".join(f"  parameter [{bits - 1}:0] INIT_RAM_{i:02X} = 0;\n" for i in ROWS)
    declared = "".join(f"  parameter {line};\n" for line in parameters)
    rows = ", ".join(f"INIT_RAM_{i:02X}" for i in reversed(ROWS))
    check = _CHECK.format(name=name, bad=bad, clock=clock, resets=resets)
    inside = inside.format(byte=9 if nine else 8, init=f".INIT({{{rows}}})")
    return f"module {name}(\n  {ports}\n);\n{declared}{inits}{inside}{check}endmodule\n"


def _single(nine):
    word = 36 if nine else 32
    return _module(
        "SPX9" if nine else "SP",
        nine,
        f"input CLK, CE, OCE, RESET, WRE, input [13:0] AD, input [2:0] BLKSEL, "
        f"input [{word - 1}:0] DI, output [{word - 1}:0] DO",
        [f"BIT_WIDTH = {word}", "READ_MODE = 0", "WRITE_MODE = 0", "BLK_SEL = 0", 'RESET_MODE = "SYNC"'],
        f"""
  wire [35:0] data;
  assign DO = data[{word - 1}:0];
  GOWIN_RAM #(.BYTE({{byte}}), .WIDTH_A(BIT_WIDTH), .MODE_A(WRITE_MODE), {{init}}) ram (
    .clk_a(CLK), .ce_a(CE && BLKSEL == BLK_SEL), .we_a(WRE), .ad_a(AD), .di_a(36'(DI)), .do_a(data),
    .clk_b(1'b0), .ce_b(1'b0), .we_b(1'b0), .ad_b(14'd0), .di_b(36'd0), .do_b());
""",
        "READ_MODE != 0",
        "CLK",
        "RESET",
    )


def _dual(nine):
    word = 18 if nine else 16
    each = ", ".join(
        f"input CLK{p}, CE{p}, OCE{p}, RESET{p}, WRE{p}, input [13:0] AD{p}, input [2:0] BLKSEL{p}, "
        f"input [{word - 1}:0] DI{p}, output [{word - 1}:0] DO{p}"
        for p in "AB"
    )
    ports = ", ".join(
        f".clk_{p.lower()}(CLK{p}), .ce_{p.lower()}(CE{p} && BLKSEL{p} == BLK_SEL_{i}), .we_{p.lower()}(WRE{p}), "
        f".ad_{p.lower()}(AD{p}), .di_{p.lower()}(36'(DI{p})), .do_{p.lower()}(data_{p})"
        for i, p in enumerate("AB")
    )
    return _module(
        "DPX9B" if nine else "DPB",
        nine,
        each,
        [
            f"{name}{i} = {value}"
            for name, value in (("BIT_WIDTH_", word), ("READ_MODE", 0), ("WRITE_MODE", 0), ("BLK_SEL_", 0))
            for i in range(2)
        ]
        + ['RESET_MODE = "SYNC"'],
        f"""
  wire [35:0] data_A, data_B;
  assign DOA = data_A[{word - 1}:0];
  assign DOB = data_B[{word - 1}:0];
  GOWIN_RAM #(.BYTE({{byte}}), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .MODE_A(WRITE_MODE0),
              .MODE_B(WRITE_MODE1), {{init}}) ram ({ports});
""",
        "READ_MODE0 != 0 || READ_MODE1 != 0",
        "CLKA",
        "RESETA || RESETB",
    )


def _simple(nine):
    word = 36 if nine else 32
    return _module(
        "SDPX9B" if nine else "SDPB",
        nine,
        "input CLKA, CLKB, CEA, CEB, OCE, RESETA, RESETB, input [13:0] ADA, ADB, input [2:0] BLKSELA, BLKSELB, "
        f"input [{word - 1}:0] DI, output [{word - 1}:0] DO",
        [f"BIT_WIDTH_0 = {word}", f"BIT_WIDTH_1 = {word}", "READ_MODE = 0", "BLK_SEL_0 = 0", "BLK_SEL_1 = 0",
         'RESET_MODE = "SYNC"'],
        f"""
  wire [35:0] data;
  assign DO = data[{word - 1}:0];
  GOWIN_RAM #(.BYTE({{byte}}), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), {{init}}) ram (
    .clk_a(CLKA), .ce_a(CEA && BLKSELA == BLK_SEL_0), .we_a(1'b1), .ad_a(ADA), .di_a(36'(DI)), .do_a(),
    .clk_b(CLKB), .ce_b(CEB && BLKSELB == BLK_SEL_1), .we_b(1'b0), .ad_b(ADB), .di_b(36'd0), .do_b(data));
""",
        "READ_MODE != 0",
        "CLKA",
        "RESETA || RESETB",
    )  # fmt: skip
