// Runs a processing element and its model side by side over random inputs, until they differ.
//
// usage: elements CYCLES; exit status 0 if every accumulator was the same, 1 and a line that says where if not,
// 2 if nothing could be compared

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "Velements.h"
#include "verilated.h"

namespace {

constexpr uint64_t kFilled = 64;  // cycles after which no register of a popcount holds what it was started with

template <std::size_t Words>
void draw(VlWide<Words> &port, uint64_t bits, std::mt19937 &random) {
    for (std::size_t i = 0; i < Words; i++) port[i] = random();
    if (bits % 32) port[Words - 1] &= (1u << bits % 32) - 1;
}

}  // namespace

int main(int, char **arguments) {
    const uint64_t cycles = std::strtoull(arguments[1], nullptr, 10);
    Velements top;
    std::mt19937 random(1);
    bool counts = false;
    uint64_t compared = 0;
    for (uint64_t cycle = 0; cycle < cycles; cycle++) {
        draw(top.noise, NOISE_BITS, random);
        top.eval();
        if (counts) {
            compared++;
            if (top.built != top.model) {
                std::printf("in cycle %llu the accumulators differ\n", static_cast<unsigned long long>(cycle));
                return 1;
            }
        }
        counts |= cycle > kFilled && top.began;
        top.clk = 1;
        top.eval();
        top.clk = 0;
        top.eval();
    }
    if (compared < cycles / 2) {
        std::printf("no capture began in %llu cycles\n", static_cast<unsigned long long>(cycles));
        return 2;
    }
    return 0;
}
