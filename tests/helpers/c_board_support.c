/* What the example of docs/c-host.md leaves to its chip: stdin and stdout are the line, PICTURES are taken. */

#define _POSIX_C_SOURCE 200809L
#include "hwgen_host.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int uart_write(void *context, const uint8_t *bytes, size_t count);
int uart_read(void *context, uint8_t *bytes, size_t count);
uint32_t ticks(void *context);
void take_picture(uint8_t *samples);
void show(uint32_t index);
void complain(const char *sentence);

static uint32_t now;

int uart_write(void *context, const uint8_t *bytes, size_t count)
{
    (void)context;
    for (ssize_t done; count > 0; bytes += done, count -= (size_t)done) {
        done = write(1, bytes, count);
        if (done < 0) {
            return -1;
        }
    }
    return 0;
}

int uart_read(void *context, uint8_t *bytes, size_t count)
{
    struct pollfd input = {0, POLLIN, 0};
    (void)context;
    if (poll(&input, 1, 50) == 0) {
        now += HWGEN_PATIENCE_MS / 10;
        return 0;
    }
    const int done = (int)read(0, bytes, count);
    return done == 0 ? -1 : done;
}

uint32_t ticks(void *context)
{
    (void)context;
    return now;
}

/* Picture k is of samples k, k + 3, k + 6 ..., modulo a number that changes with it. */
void take_picture(uint8_t *samples)
{
    static unsigned taken;
    for (unsigned i = 0; i < HWGEN_SAMPLES; i++) {
        samples[i] = (uint8_t)((taken + 3 * i) % (1 + taken % 50));
    }
    taken++;
}

void show(uint32_t index)
{
    static unsigned shown;
    fprintf(stderr, "%u\n", (unsigned)index);
    if (++shown == PICTURES) {
        exit(0);
    }
}

void complain(const char *sentence)
{
    fprintf(stderr, "%s\n", sentence);
}
