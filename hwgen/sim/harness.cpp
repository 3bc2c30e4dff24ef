// Drives a verilated accelerator through whole frames and writes down what it did.
//
// usage: harness IMAGES FRAME_SAMPLES WRITES RESULTS CYCLES < SCRIPT
//
// IMAGES holds frames of FRAME_SAMPLES bytes. Each line of SCRIPT is a segment:
//   run FIRST COUNT IMAGE_STALL RESULT_STALL SEED   frames FIRST.. go in, COUNT classes come out; stalls in 1/256
//   abort FIRST CYCLES                              that many cycles of frame FIRST, then a reset; nothing is recorded
// Records are native-endian: WRITES {u64 columns, u32 stage, u32 bank, u32 address, u32 0, data bytes}, RESULTS {u64
// cycle, i32 value, u32 last}, CYCLES {u32 stage, u32 cycles}. After each run the status registers are read and sent to
// CYCLES as {0xffffffff, frames} and {0x80000000 | stage, cycles}.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "Vaccelerator.h"
#include "verilated.h"

// Amaranth names a port's member image__valid; Verilator spells two underscores ___05F.
#define PORT(name, member) name##___05F##member
#define WRITE(number, member) PORT(trace, write_##number##___05F##member)

#if !defined TRACE_BYTES || !defined TRACE_WRITES
#error TRACE_BYTES is the size of a write's data in bytes, TRACE_WRITES how many writes there may be at once
#endif

namespace {

constexpr uint64_t kPatience = 20000000;  // cycles without a transfer before the run is given up

template <typename Port>
void copy_bits(uint8_t *to, const Port &port) {
    std::memcpy(to, &port, TRACE_BYTES);  // narrow ports; little-endian hosts only, as is Verilator's layout
}

template <std::size_t Words>
void copy_bits(uint8_t *to, const VlWide<Words> &port) {
    std::memcpy(to, port.data(), TRACE_BYTES);
}

struct Bench {
    Vaccelerator top;
    std::vector<uint8_t> images;
    size_t samples;
    FILE *writes, *results, *cycles;
    uint64_t now = 0;

    void clock() {
        top.clk = 1;
        top.eval();
        top.clk = 0;
        top.eval();
        now++;
    }

    void reset() {
        top.rst = 1;
        for (int i = 0; i < 3; i++) clock();
        top.rst = 0;
        top.eval();
    }

    uint32_t read_register(uint8_t address) {
        top.PORT(csr, address) = address;
        top.PORT(csr, read) = 1;
        clock();
        top.eval();
        return top.PORT(csr, read_data);
    }

    template <typename Record>
    static void put(FILE *file, const Record &record) {
        if (fwrite(&record, sizeof record, 1, file) != 1) {
            perror("harness: cannot write");
            exit(4);
        }
    }

    template <typename Data>
    void put_write(uint64_t columns, uint32_t bank, uint32_t address, const Data &data) {
        struct { uint64_t columns; uint32_t stage, bank, address, zero; } head = {
            columns, top.PORT(trace, stage), bank, address, 0};
        uint8_t bits[TRACE_BYTES];
        copy_bits(bits, data);
        put(writes, head);
        put(writes, bits);
    }

    // Runs until `count` classes came out or, if `limit` is not 0, for `limit` cycles without recording.
    void run(size_t first, size_t count, unsigned image_stall, unsigned result_stall, unsigned seed, uint64_t limit) {
        std::mt19937 random(seed);
        const bool record = limit == 0;
        size_t sample = first * samples;
        const size_t end = (first + count) * samples;
        size_t done = 0;
        uint64_t last_progress = now, stop = now + limit;
        uint32_t active = 0;
        bool image_offered = false;
        while (record ? done < count : now < stop) {
            // A transfer that was offered stays offered until it is taken (the streams' rule).
            if (!image_offered) image_offered = sample < end && (random() & 255) >= image_stall;
            top.PORT(image, valid) = image_offered;
            top.PORT(image, payload) = image_offered ? images[sample] : 0;
            top.PORT(result, ready) = (random() & 255) >= result_stall;
            top.eval();
            const bool took = top.PORT(image, valid) && top.PORT(image, ready);
            const bool gave = top.PORT(result, valid) && top.PORT(result, ready);
            if (record) {
#define RECORD(n) \
    if (top.WRITE(n, enable)) \
        put_write(top.WRITE(n, columns), top.WRITE(n, bank), top.WRITE(n, address), top.WRITE(n, data))
                RECORD(0);
#if TRACE_WRITES > 1
                RECORD(1);
#endif
                active += top.PORT(trace, active);
                if (top.PORT(trace, stage_done)) {
                    const uint32_t entry[2] = {top.PORT(trace, active_stage), active};
                    put(cycles, entry);
                    active = 0;
                }
                if (gave) {
                    const uint64_t payload = top.PORT(result, payload);
                    struct { uint64_t cycle; int32_t value; uint32_t last; } result = {
                        now, (int32_t)(payload & 0xffffffff), (uint32_t)(payload >> 32 & 1)};
                    put(results, result);
                    done += result.last;
                }
            }
            if (took || gave || top.WRITE(0, enable)) last_progress = now;
            if (now - last_progress > kPatience) {
                fprintf(stderr, "harness: no progress for %llu cycles\n", (unsigned long long)kPatience);
                exit(3);
            }
            clock();
            if (took) {
                sample++;
                image_offered = false;
            }
        }
        top.PORT(image, valid) = 0;
        top.PORT(result, ready) = 0;
        if (!record) return;
        const uint32_t stages = read_register(5);
        const uint32_t frames[2] = {0xffffffffu, read_register(6)};
        put(cycles, frames);
        for (uint32_t i = 0; i < stages; i++) {
            const uint32_t counter[2] = {0x80000000u | i, read_register(16 + i)};
            put(cycles, counter);
        }
    }
};

FILE *open_or_die(const char *path, const char *mode) {
    FILE *file = fopen(path, mode);
    if (!file) {
        perror(path);
        exit(4);
    }
    return file;
}

}  // namespace

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: harness IMAGES FRAME_SAMPLES WRITES RESULTS CYCLES < SCRIPT\n");
        return 2;
    }
    Bench bench;
    FILE *images = open_or_die(argv[1], "rb");
    bench.samples = strtoull(argv[2], nullptr, 10);
    fseek(images, 0, SEEK_END);
    bench.images.resize(ftell(images));
    rewind(images);
    if (fread(bench.images.data(), 1, bench.images.size(), images) != bench.images.size()) return 4;
    fclose(images);
    bench.writes = open_or_die(argv[3], "wb");
    bench.results = open_or_die(argv[4], "wb");
    bench.cycles = open_or_die(argv[5], "wb");

    bench.reset();
    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream words(line);
        std::string verb;
        size_t first, count;
        words >> verb >> first >> count;
        if (verb == "run") {
            unsigned image_stall, result_stall, seed;
            words >> image_stall >> result_stall >> seed;
            bench.run(first, count, image_stall, result_stall, seed, 0);
        } else if (verb == "abort") {
            bench.run(first, 1, 0, 0, 1, count);
            bench.reset();
        } else {
            fprintf(stderr, "harness: unknown line %s\n", line.c_str());
            return 2;
        }
        printf("%s\n", line.c_str());
        fflush(stdout);
    }
    bench.top.final();
    return fclose(bench.writes) | fclose(bench.results) | fclose(bench.cycles) ? 4 : 0;
}
