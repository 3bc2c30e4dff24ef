"""A model of ECP5's block RAM, of which Yosys gives the ports alone. Source: Lattice FPGA-TN-02204, memory modes.

1,024 rows of 18 bits. A port of w bits takes the upper address bits as a row and the lower ones as a part of it; a
row's halves are 9 bits, of which narrow ports use 8. A port of 36 bits takes two rows, their low one at A, their high
one at B. Ports of 18 and 36 bits write bytes whose enables stand on the lowest address bits. What a read gives while
the same row is written is left unknown (here: the old row), since no design of ours asks. An output register has an
enable of its own.
"""

ROWS = 1024


def dp16kd() -> str:
    """Verilog of module DP16KD, for memories with one clock and with synchronous reset."""
    ports = [f"{way} {name}{i}" for way, name, bits in _BUSES for i in range(bits)]
    ports += [f"input {pin}{side}" for side in "AB" for pin in ("CE", "OCE", "CLK", "WE", "RST")]
    ports += [f"input CS{side}{i}" for side in "AB" for i in range(3)]
    joined = "\n".join(
        f"  wire [{bits - 1}:0] {name} = {{{', '.join(f'{name}{i}' for i in reversed(range(bits)))}}};"
        for way, name, bits in _BUSES
        if way == "input"
    )
    outputs = "\n".join(f"  assign DO{side}{i} = shown_{side.lower()}[{i}];" for side in "AB" for i in range(18))
    inits = "\n".join(f"  parameter [319:0] INITVAL_{i:02X} = 320'h0;" for i in range(64))
    rows = ", ".join(f"INITVAL_{i:02X}" for i in reversed(range(64)))
    return _MODULE.format(ports=",\n  ".join(ports), joined=joined, outputs=outputs, inits=inits, rows=rows)


_BUSES = [
    (way, f"{name}{side}", bits)
    for side in "AB"
    for way, name, bits in (("input", "DI", 18), ("input", "AD", 14), ("output", "DO", 18))
]

_MODULE = """
module DP16KD(
  {ports}
);
  parameter DATA_WIDTH_A = 18;
  parameter DATA_WIDTH_B = 18;
  parameter REGMODE_A = "NOREG";
  parameter REGMODE_B = "NOREG";
  parameter RESETMODE = "SYNC";
  parameter ASYNC_RESET_RELEASE = "SYNC";
  parameter CSDECODE_A = "0b000";
  parameter CSDECODE_B = "0b000";
  parameter WRITEMODE_A = "NORMAL";
  parameter WRITEMODE_B = "NORMAL";
  parameter CLKAMUX = "CLKA";
  parameter CLKBMUX = "CLKB";
  parameter GSR = "AUTO";
{inits}
{joined}
  reg [17:0] memory [0:1023];
  reg [17:0] read_a = 0, read_b = 0, held_a = 0, held_b = 0;
  wire [17:0] shown_a = REGMODE_A == "OUTREG" ? held_a : read_a;
  wire [17:0] shown_b = REGMODE_B == "OUTREG" ? held_b : read_b;
{outputs}
  wire [64*320-1:0] initial_rows = {{{rows}}};
  integer k;
  initial begin
    for (k = 0; k < 1024; k = k + 1) memory[k] = initial_rows[k * 20 +: 18];
    if (DATA_WIDTH_B == 36 && REGMODE_A != REGMODE_B || RESETMODE != "SYNC" || CLKAMUX != "CLKA" || CLKBMUX != "CLKB")
      begin $display("DP16KD: a mode that this model lacks"); $finish; end
  end

  function [4:0] place(input integer width, input [13:0] address);  // first bit of the part of a row
    case (width)
      9: place = address[3] * 9;
      4: place = address[3] * 9 + address[2] * 4;
      2: place = address[3] * 9 + address[2:1] * 2;
      1: place = address[3] * 9 + address[2:0];
      default: place = 0;
    endcase
  endfunction

  function [17:0] mask(input integer width, input [13:0] address);  // bits of a row that a write changes
    case (width)
      36, 18: mask = {{{{9{{address[1]}}}}, {{9{{address[0]}}}}}};
      9: mask = 18'h1ff << place(width, address);
      4: mask = 18'hf << place(width, address);
      2: mask = 18'h3 << place(width, address);
      default: mask = 18'h1 << place(width, address);
    endcase
  endfunction

  wire [9:0] row_a = DATA_WIDTH_A == 36 ? {{ADA[13:5], 1'b0}} : ADA[13:4];
  wire [9:0] row_b = DATA_WIDTH_B == 36 ? {{ADB[13:5], 1'b0}} : ADB[13:4];
  wire [17:0] mask_a = mask(DATA_WIDTH_A, ADA);
  wire [17:0] mask_b = mask(DATA_WIDTH_B, ADB);
  wire [17:0] high_a = {{{{9{{ADA[3]}}}}, {{9{{ADA[2]}}}}}};

  always @(posedge CLKA) if (OCEA && DATA_WIDTH_B != 36) held_a <= RSTA ? 18'd0 : read_a;
  always @(posedge CLKB) if (OCEB) begin
    held_b <= RSTB ? 18'd0 : read_b;
    if (DATA_WIDTH_B == 36) held_a <= RSTB ? 18'd0 : read_a;
  end
  always @(posedge CLKA) if (CEA) begin
    if (WEA) begin
      memory[row_a] <= memory[row_a] & ~mask_a | DIA << place(DATA_WIDTH_A, ADA) & mask_a;
      if (DATA_WIDTH_A == 36)
        memory[row_a + 10'd1] <= memory[row_a + 10'd1] & ~high_a | DIB & high_a;
    end else if (DATA_WIDTH_B != 36)
      read_a <= RSTA ? 18'd0 : memory[row_a] >> place(DATA_WIDTH_A, ADA);
  end
  always @(posedge CLKB) if (CEB) begin
    if (WEB)
      memory[row_b] <= memory[row_b] & ~mask_b | DIB << place(DATA_WIDTH_B, ADB) & mask_b;
    else if (DATA_WIDTH_B == 36) begin
      read_a <= RSTB ? 18'd0 : memory[row_b];
      read_b <= RSTB ? 18'd0 : memory[row_b + 10'd1];
    end else
      read_b <= RSTB ? 18'd0 : memory[row_b] >> place(DATA_WIDTH_B, ADB);
  end
endmodule
"""
