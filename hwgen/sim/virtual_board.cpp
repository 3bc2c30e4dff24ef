// Runs a verilated board: bytes from standard input become levels on its pin rx, levels on tx bytes on standard output.
//
// usage: virtual_board DIVISOR, the clock cycles per bit of the line. It ends with standard input.
//
// While nothing has moved on either line for kRest cycles, the clock stands and the program waits for input.

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "Vboard.h"
#include "verilated.h"

namespace {

constexpr uint64_t kRest = 1 << 24;
constexpr uint64_t kLook = 1024;  // cycles between two looks at the input while none comes

struct Board {
    Vboard top;
    int divisor;
    uint64_t now = 0, moved = 0;
    int phase = -1, cycle = 0, byte = 0;  // of the byte on tx: bit, cycle inside it, bits so far

    explicit Board(int divisor) : divisor(divisor) {
        top.clk = 0;
        top.rst = 1;
        top.rx = 1;
        tick(4);
        top.rst = 0;
        tick(4);
    }

    void tick(uint64_t cycles) {
        for (; cycles; cycles--) {
            top.clk = 1;
            top.eval();
            top.clk = 0;
            top.eval();
            now++;
            listen();
        }
    }

    void listen() {  // reads every bit of a byte in its middle
        if (phase < 0) {
            if (top.tx) return;
            phase = cycle = byte = 0;
        }
        if (cycle++ == divisor / 2) {
            if (phase >= 1 && phase <= 8) byte |= top.tx << (phase - 1);
            if (phase == 9) {
                if (!top.tx) {
                    std::fprintf(stderr, "a stop bit is missing\n");
                    std::exit(1);
                }
                uint8_t out = byte;
                if (write(STDOUT_FILENO, &out, 1) != 1) std::exit(0);  // nobody listens any more
                moved = now;
                phase = -1;
                return;
            }
        }
        if (cycle == divisor) {
            cycle = 0;
            phase++;
        }
    }

    void send(uint8_t data) {
        int bits = data << 1 | 1 << 9;
        for (int i = 0; i < 10; i++) {
            top.rx = bits >> i & 1;
            tick(divisor);
        }
        moved = now;
    }
};

}  // namespace

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    Board board(std::atoi(argv[1]));
    for (;;) {
        pollfd input = {STDIN_FILENO, POLLIN, 0};
        const bool rests = board.now - board.moved > kRest;
        const int ready = poll(&input, 1, rests ? -1 : 0);
        if (ready < 0 && errno != EINTR) return 1;
        if (ready > 0) {
            uint8_t data[4096];
            const ssize_t count = read(STDIN_FILENO, data, sizeof data);
            if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return 0;
            for (ssize_t i = 0; i < count; i++) board.send(data[i]);
        } else {
            board.tick(kLook);
        }
    }
}
