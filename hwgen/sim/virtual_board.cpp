// Runs a verilated board: bytes from standard input become levels on its pin rx, levels on tx bytes on standard output.
//
// usage: virtual_board DIVISOR STATUS. DIVISOR: the clock cycles per bit of the line. STATUS: a file of three 64-bit
// numbers, kept up to date: clock cycles, bytes received, bytes sent. It ends with standard input.
//
// While the board has nothing to do, and nothing has moved on either line for kRestBits bits, the clock stands and the
// program waits for input; so too after kRestCycles where the rest of an image does not come.

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "Vboard.h"
#include "verilated.h"

namespace {

constexpr uint64_t kRestBits = 64;
constexpr uint64_t kRestCycles = 1 << 24;
constexpr int kBusy = 2;               // the LED of an image that is worked on
constexpr uint64_t kLook = 1024;  // cycles between two looks at the input while none comes

struct Status {
    uint64_t cycles, received, sent;
};

struct Board {
    Vboard top;
    uint64_t divisor;
    volatile Status *status;
    uint64_t now = 0, moved = 0;
    int phase = -1, byte = 0;  // of the byte on tx: bit, bits so far
    uint64_t cycle = 0;        // inside the bit

    Board(uint64_t divisor, volatile Status *status) : divisor(divisor), status(status) {
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
        status->cycles = now;
    }

    void listen() {  // reads every bit of a byte in its middle
        if (phase < 0) {
            if (top.tx) return;
            phase = byte = 0;
            cycle = 0;
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
                status->sent = status->sent + 1;
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
        status->received = status->received + 1;
        moved = now;
    }

    bool rests() const {
        const uint64_t quiet = now - moved;
        return phase < 0 && (quiet > kRestCycles || (quiet > kRestBits * divisor && !(top.leds & kBusy)));
    }
};

}  // namespace

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    const int file = open(argv[2], O_RDWR);
    void *mapped = mmap(nullptr, sizeof(Status), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file < 0 || mapped == MAP_FAILED) {
        std::perror(argv[2]);
        return 1;
    }
    Board board(std::strtoull(argv[1], nullptr, 10), static_cast<volatile Status *>(mapped));
    for (;;) {
        pollfd input = {STDIN_FILENO, POLLIN, 0};
        const int ready = poll(&input, 1, board.rests() ? -1 : 0);
        if (ready < 0 && errno != EINTR) return 1;
        if (ready > 0) {
            uint8_t data[256];
            const ssize_t count = read(STDIN_FILENO, data, sizeof data);
            if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return 0;
            for (ssize_t i = 0; i < count; i++) board.send(data[i]);
        } else {
            board.tick(kLook);
        }
    }
}
