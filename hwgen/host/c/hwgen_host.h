/* A host in C99 of a board that runs an accelerator made by hwgen: for microcontrollers and whatever has no Python.
 *
 * Written by `hwgen generate` together with hwgen_host.c, for one model. It needs no operating system and allocates
 * nothing. In hwgen's docs, c-host.md shows its use and protocol.md has the messages.
 */

#ifndef HWGEN_HOST_H
#define HWGEN_HOST_H

#include <stddef.h>
#include <stdint.h>

$constants

#ifdef __cplusplus
extern "C" {
#endif

/* How something went; 0 where it went well. hwgen_text has a sentence for each. */
enum hwgen_error {
    HWGEN_OK = 0,
    HWGEN_BUSY,           /* images are under way, as many as may be, or some where none may be */
    HWGEN_IDLE,           /* no image is under way */
    HWGEN_GONE,           /* `read` or `write` said so */
    HWGEN_SILENT,         /* nothing came */
    HWGEN_NOISE,          /* something came, but no frame */
    HWGEN_DAMAGED_HERE,   /* frames from the board arrived damaged */
    HWGEN_DAMAGED_THERE,  /* frames to the board did */
    HWGEN_LOST,           /* a result came before an older one */
    HWGEN_OTHER_MESSAGES, /* frames came too long, or whole, but as no message of this model's board */
    HWGEN_NO_COMMAND,     /* the board does not know a command */
    HWGEN_NO_CORE,        /* its register MAGIC holds something else */
    HWGEN_OTHER_VERSION,  /* its registers are of another version */
    HWGEN_OTHER_MODEL,    /* it holds another model */
    HWGEN_WRONG           /* the test image got another result than the model gives */
};

/* The line to the board: what you write for your chip. */
struct hwgen_line {
    void *context; /* given to each function */
    /* Sends all bytes, waiting where it must; negative if the line is gone. What arrives meanwhile must not be lost. */
    int (*write)(void *context, const uint8_t *bytes, size_t count);
    /* Up to `count` bytes that came, after a short wait or none; how many, negative if the line is gone. */
    int (*read)(void *context, uint8_t *bytes, size_t count);
    /* A clock of milliseconds, which may begin anywhere and start again from 0 after 2^32 - 1. */
    uint32_t (*milliseconds)(void *context);
    /* Milliseconds in which an image is classified, its way there and its result's way back included; 0 stands for
     * HWGEN_PATIENCE_MS. */
    uint32_t patience;
};

/* A board at SPI: what you write for your chip instead, from which hwgen_spi_line makes a line. */
struct hwgen_spi {
    void *context; /* given to each function */
    /* Sends so many bytes in mode 0, with the select line low from the first to the last, and puts as many that came
     * meanwhile into `received`; negative if the bus is gone. */
    int (*transfer)(void *context, const uint8_t *sent, uint8_t *received, size_t count);
    uint32_t (*milliseconds)(void *context); /* as in struct hwgen_line */
    size_t filled;                           /* bytes in `came`; begins as 0 */
    uint8_t came[HWGEN_WINDOW * HWGEN_REPLY_BYTES];
};

/* What a board says of an image. */
struct hwgen_result {
    int32_t logits[HWGEN_LOGITS];
    uint32_t index;                /* of the largest logit, the lowest where several are: the class */
    uint32_t cycles[HWGEN_LAYERS]; /* of each layer; the last one's include those in which its logits waited */
};

/* The state of a host, for hwgen_host.c alone. */
struct hwgen_board {
    const struct hwgen_line *line;
    const uint8_t *images[HWGEN_WINDOW]; /* under way, the oldest first; NULL is the test image */
    uint8_t sequences[HWGEN_WINDOW];
    uint8_t under_way;
    uint8_t sequence;                    /* of the last command */
    uint8_t cut;                         /* the frame that is arriving is too long, its beginning is gone */
    size_t taken, filled;                /* bytes in `buffer`: of the frame that was read last, all */
    uint8_t buffer[HWGEN_REPLY_BYTES];
};

/* Makes a line of SPI, which is used as long as the line; `patience` becomes 0. */
void hwgen_spi_line(struct hwgen_line *line, struct hwgen_spi *spi);

/* Resets the board and reads what it holds; an error if that is not this model. `line` is used until the last call. */
enum hwgen_error hwgen_open(struct hwgen_board *board, const struct hwgen_line *line);

/* The result of an image of HWGEN_SAMPLES bytes: row after row, in a row column after column, of a pixel channel after
 * channel. What is damaged on the line is sent again: a result is right or there is none. */
enum hwgen_error hwgen_classify(struct hwgen_board *board, const uint8_t *image, struct hwgen_result *result);

/* Sends an image, or has the board make the test image where `image` is NULL. Up to HWGEN_WINDOW may be under way; they
 * stay where they are until their results came. */
enum hwgen_error hwgen_submit(struct hwgen_board *board, const uint8_t *image);

/* Waits for the result of the oldest image under way. After an error none is under way any more. */
enum hwgen_error hwgen_receive(struct hwgen_board *board, struct hwgen_result *result);

/* Has the board classify the test image, which it makes itself, and compares with what the model gives: HWGEN_WRONG if
 * it differs, and `result` says what came. */
enum hwgen_error hwgen_self_test(struct hwgen_board *board, struct hwgen_result *result);

/* The registers by their addresses, HWGEN_REGISTER_COUNT of them; while no image is under way. */
enum hwgen_error hwgen_registers(struct hwgen_board *board, uint32_t *values);

/* Drops every image under way and sets the board's counters to 0. */
enum hwgen_error hwgen_reset(struct hwgen_board *board);

/* An error in words, with the mend. */
const char *hwgen_text(enum hwgen_error error);

#ifdef __cplusplus
}
#endif

#endif
