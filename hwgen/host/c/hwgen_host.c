#include "hwgen_host.h"

#include <string.h>

enum { WORD = 4 };

/* A command: what its CRC is of, in the two places where it lies, and that. */
struct message {
    uint8_t head[HWGEN_HEADER_BYTES];
    const uint8_t *samples;
    size_t count;
    uint8_t crc[HWGEN_CRC_BYTES];
};

/* A message from the board; its numbers lie in the host's buffer until the next one is received. */
struct reply {
    uint8_t sequence, code;
    const uint8_t *fields;
    size_t words;
};

/* What failed in a row. */
struct attempts {
    unsigned troubles, silences;
};

static uint32_t crc_of(uint32_t crc, const uint8_t *bytes, size_t count)
{
    /* Of IEEE 802.3, half a byte at a time: a table of 256 would be more than many a program's whole constants. */
    static const uint32_t table[16] = {
        0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
        0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
    };
    for (; count > 0; count--, bytes++) {
        crc ^= *bytes;
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

static void put_word(uint8_t *bytes, uint32_t word)
{
    for (int i = 0; i < WORD; i++) {
        bytes[i] = (uint8_t)(word >> 8 * i & 0xff);
    }
}

static uint32_t get_word(const uint8_t *bytes)
{
    uint32_t word = 0;
    for (int i = WORD; i-- > 0;) {
        word = word << 8 | bytes[i];
    }
    return word;
}

static int32_t as_signed(uint32_t word)
{
    /* Without the cast of a value beyond INT32_MAX, whose result C99 leaves to the compiler. */
    return word <= INT32_MAX ? (int32_t)word : -(int32_t)~word - 1;
}

static uint32_t now(const struct hwgen_board *board)
{
    return board->line->milliseconds(board->line->context);
}

static uint32_t patience(const struct hwgen_board *board)
{
    return board->line->patience > 0 ? board->line->patience : HWGEN_PATIENCE_MS;
}

static enum hwgen_error put(struct hwgen_board *board, const uint8_t *bytes, size_t count)
{
    return board->line->write(board->line->context, bytes, count) < 0 ? HWGEN_GONE : HWGEN_OK;
}

/* What lies together in memory from a place in a message on: how many bytes, and where. */
static size_t part(const struct message *message, size_t place, const uint8_t **bytes)
{
    if (place < HWGEN_HEADER_BYTES) {
        *bytes = message->head + place;
        return HWGEN_HEADER_BYTES - place;
    }
    place -= HWGEN_HEADER_BYTES;
    if (place < message->count) {
        *bytes = message->samples + place;
        return message->count - place;
    }
    place -= message->count;
    *bytes = message->crc + place;
    return HWGEN_CRC_BYTES - place;
}

/* Bytes of the block that begins at a place: up to the next 0, the end, or as many as a block may have. */
static size_t block_at(const struct message *message, size_t place, size_t end)
{
    size_t block = 0;
    while (block < HWGEN_BLOCK_BYTES && place + block < end) {
        const uint8_t *bytes, *zero;
        size_t count = part(message, place + block, &bytes);
        if (count > HWGEN_BLOCK_BYTES - block) {
            count = HWGEN_BLOCK_BYTES - block;
        }
        zero = (const uint8_t *)memchr(bytes, 0, count);
        if (zero != NULL) {
            return block + (size_t)(zero - bytes);
        }
        block += count;
    }
    return block;
}

/* Sends a frame straight from where the message lies: to the board a block's code goes before its bytes. */
static enum hwgen_error put_frame(struct hwgen_board *board, const struct message *message)
{
    const size_t end = HWGEN_HEADER_BYTES + message->count + HWGEN_CRC_BYTES;
    size_t place = 0;
    uint8_t code;
    do {
        size_t left = block_at(message, place, end);
        enum hwgen_error error;
        code = (uint8_t)(left + 1);
        error = put(board, &code, 1);
        while (error == HWGEN_OK && left > 0) {
            const uint8_t *bytes;
            size_t count = part(message, place, &bytes);
            if (count > left) {
                count = left;
            }
            error = put(board, bytes, count);
            place += count;
            left -= count;
        }
        if (error != HWGEN_OK) {
            return error;
        }
        if (code <= HWGEN_BLOCK_BYTES) {
            place++; /* past the 0 that the code stands for, which after the last block is none */
        }
    } while (place <= end);
    code = 0;
    return put(board, &code, 1);
}

static enum hwgen_error send_command(struct hwgen_board *board, enum hwgen_command code, const uint8_t *samples)
{
    struct message message;
    uint32_t crc = 0xffffffffu;
    board->sequence = (uint8_t)(board->sequence + 1u);
    message.head[0] = board->sequence;
    message.head[1] = (uint8_t)code;
    message.samples = samples;
    message.count = samples == NULL ? 0 : HWGEN_SAMPLES;
    crc = crc_of(crc, message.head, HWGEN_HEADER_BYTES);
    crc = crc_of(crc, message.samples, message.count);
    put_word(message.crc, ~crc);
    return put_frame(board, &message);
}

/* Decodes the frame of so many bytes at the buffer's start from its end, and moves it up to there on the way. */
static enum hwgen_error decode(struct hwgen_board *board, size_t count, struct reply *reply)
{
    uint8_t *bytes = board->buffer;
    size_t begin = count, end = count, words;
    if (bytes[count - 1] > HWGEN_BLOCK_BYTES) {
        return HWGEN_DAMAGED_HERE; /* a full block is never the last */
    }
    while (end > 0) {
        const size_t code = bytes[end - 1];
        if (code > end) {
            return HWGEN_DAMAGED_HERE;
        }
        if (code <= HWGEN_BLOCK_BYTES) {
            bytes[--begin] = 0;
        }
        begin -= code - 1;
        end -= code;
        memmove(bytes + begin, bytes + end, code - 1);
    }
    count -= begin + 1; /* the last block's code stands for no 0 */
    bytes += begin;
    if (count < HWGEN_CRC_BYTES ||
        get_word(bytes + count - HWGEN_CRC_BYTES) != (uint32_t)~crc_of(0xffffffffu, bytes, count - HWGEN_CRC_BYTES)) {
        return HWGEN_DAMAGED_HERE;
    }
    count -= HWGEN_CRC_BYTES;
    if (count < HWGEN_HEADER_BYTES || (count - HWGEN_HEADER_BYTES) % WORD != 0) {
        return HWGEN_OTHER_MESSAGES;
    }
    words = (count - HWGEN_HEADER_BYTES) / WORD;
    reply->sequence = bytes[0];
    reply->code = bytes[1];
    reply->fields = bytes + HWGEN_HEADER_BYTES;
    reply->words = words;
    switch (reply->code) {
    case HWGEN_REPLY_REGISTERS: /* another model may have other layers: who asked tells it from this one */
        return words >= HWGEN_REGISTER_CYCLES ? HWGEN_OK : HWGEN_OTHER_MESSAGES;
    case HWGEN_REPLY_RESULT:
        return words == HWGEN_LOGITS + 1 + HWGEN_LAYERS ? HWGEN_OK : HWGEN_OTHER_MESSAGES;
    case HWGEN_REPLY_DAMAGED:
        return words == 0 ? HWGEN_DAMAGED_THERE : HWGEN_OTHER_MESSAGES;
    case HWGEN_REPLY_DONE:
    case HWGEN_REPLY_UNKNOWN:
        return words == 0 ? HWGEN_OK : HWGEN_OTHER_MESSAGES;
    default:
        return HWGEN_OTHER_MESSAGES;
    }
}

/* The next message within so many milliseconds from `begun` on; trouble if none comes whole, or it says damaged. */
static enum hwgen_error next_reply(struct hwgen_board *board, uint32_t begun, uint32_t wait, struct reply *reply)
{
    int came = 0, count;
    for (;;) {
        const uint8_t *zero;
        board->filled -= board->taken;
        memmove(board->buffer, board->buffer + board->taken, board->filled);
        board->taken = 0;
        zero = (const uint8_t *)memchr(board->buffer, 0, board->filled);
        if (zero != NULL) {
            const size_t length = (size_t)(zero - board->buffer);
            board->taken = length + 1;
            if (board->cut) {
                board->cut = 0;
                return HWGEN_OTHER_MESSAGES;
            }
            if (length > 0) {
                return decode(board, length, reply);
            }
            continue;
        }
        if (board->filled == sizeof board->buffer) {
            board->cut = 1;
            board->filled = 0;
        }
        if ((uint32_t)(now(board) - begun) > wait) {
            return came ? HWGEN_NOISE : HWGEN_SILENT;
        }
        count = board->line->read(
            board->line->context, board->buffer + board->filled, sizeof board->buffer - board->filled);
        if (count < 0) {
            return HWGEN_GONE;
        }
        board->filled += (size_t)count;
        came = came || count > 0;
    }
}

/* Whether it is to be tried again after this. */
static int once_more(struct attempts *attempts, enum hwgen_error error)
{
    attempts->troubles++;
    if (error == HWGEN_SILENT) {
        attempts->silences++;
    }
    return error != HWGEN_GONE && attempts->troubles < HWGEN_ATTEMPTS && attempts->silences < HWGEN_SILENCES;
}

/* The answer to a command that needs no computation and may be repeated. */
static enum hwgen_error ask(
    struct hwgen_board *board, enum hwgen_command command, enum hwgen_reply expected, struct reply *reply)
{
    struct attempts attempts = {0, 0};
    enum hwgen_error error;
    do {
        uint32_t begun;
        error = send_command(board, command, NULL);
        begun = now(board);
        while (error == HWGEN_OK) {
            error = next_reply(board, begun, patience(board) / HWGEN_TURNAROUND, reply);
            if (error == HWGEN_OK && reply->sequence == board->sequence) {
                if (reply->code == HWGEN_REPLY_UNKNOWN) {
                    return HWGEN_NO_COMMAND;
                }
                if (reply->code == expected) {
                    return HWGEN_OK;
                }
            }
        }
    } while (once_more(&attempts, error));
    return error;
}

/* Resets the board and forgets what it has sent. */
static enum hwgen_error restart(struct hwgen_board *board)
{
    static const uint8_t end = 0; /* of whatever an earlier host had begun */
    struct reply reply;
    enum hwgen_error error = put(board, &end, 1);
    const uint32_t begun = now(board);
    int count = error == HWGEN_OK;
    while (count > 0 && (uint32_t)(now(board) - begun) <= patience(board) / HWGEN_TURNAROUND) {
        count = board->line->read(board->line->context, board->buffer, sizeof board->buffer);
    }
    if (error != HWGEN_OK || count < 0) {
        return HWGEN_GONE;
    }
    board->taken = board->filled = 0;
    board->cut = 0;
    return ask(board, HWGEN_COMMAND_RESET, HWGEN_REPLY_DONE, &reply);
}

/* Sends the command of an image that is under way. */
static enum hwgen_error send_image(struct hwgen_board *board, unsigned which)
{
    const uint8_t *image = board->images[which];
    enum hwgen_error error = send_command(board, image == NULL ? HWGEN_COMMAND_TEST : HWGEN_COMMAND_IMAGE, image);
    board->sequences[which] = board->sequence;
    return error;
}

/* The result of the oldest image under way. */
static enum hwgen_error oldest(struct hwgen_board *board, struct reply *reply)
{
    const uint32_t begun = now(board);
    for (;;) {
        enum hwgen_error error = next_reply(board, begun, patience(board), reply);
        if (error != HWGEN_OK) {
            return error;
        }
        for (unsigned i = 0; reply->code == HWGEN_REPLY_RESULT && i < board->under_way; i++) {
            if (reply->sequence == board->sequences[i]) {
                return i == 0 ? HWGEN_OK : HWGEN_LOST;
            }
        } /* a line may double a whole frame: what is none of these is passed over */
    }
}

/* Exchanges over SPI: flags and a byte each, both ways. What does not fit is lost, and its frame asked for again. */
static int exchange(struct hwgen_spi *spi, const uint8_t *bytes, size_t count)
{
    uint8_t sent[2 * HWGEN_SPI_BURST], received[2 * HWGEN_SPI_BURST];
    for (size_t i = 0; i < count; i++) {
        sent[2 * i] = bytes == NULL ? 0 : HWGEN_SPI_GIVES;
        sent[2 * i + 1] = bytes == NULL ? 0 : bytes[i];
    }
    if (spi->transfer(spi->context, sent, received, 2 * count) < 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if ((received[2 * i] & HWGEN_SPI_GIVES) != 0 && spi->filled < sizeof spi->came) {
            spi->came[spi->filled++] = received[2 * i + 1];
        }
    }
    return 0;
}

static int spi_write(void *context, const uint8_t *bytes, size_t count)
{
    struct hwgen_spi *spi = (struct hwgen_spi *)context;
    while (count > 0) {
        const size_t burst = count < HWGEN_SPI_BURST ? count : HWGEN_SPI_BURST;
        if (exchange(spi, bytes, burst) < 0) {
            return -1;
        }
        bytes += burst;
        count -= burst;
    }
    return 0;
}

static int spi_read(void *context, uint8_t *bytes, size_t count)
{
    struct hwgen_spi *spi = (struct hwgen_spi *)context;
    size_t more;
    if (spi->filled == 0 && exchange(spi, NULL, 1) < 0) {
        return -1;
    }
    more = spi->filled == 0 ? 0 : sizeof spi->came - spi->filled; /* where there is one byte there are more */
    if (more > 0 && exchange(spi, NULL, more < HWGEN_SPI_BURST ? more : HWGEN_SPI_BURST) < 0) {
        return -1;
    }
    if (count > spi->filled) {
        count = spi->filled;
    }
    memcpy(bytes, spi->came, count);
    spi->filled -= count;
    memmove(spi->came, spi->came + count, spi->filled);
    return (int)count;
}

static uint32_t spi_milliseconds(void *context)
{
    const struct hwgen_spi *spi = (const struct hwgen_spi *)context;
    return spi->milliseconds(spi->context);
}

void hwgen_spi_line(struct hwgen_line *line, struct hwgen_spi *spi)
{
    line->context = spi;
    line->write = spi_write;
    line->read = spi_read;
    line->milliseconds = spi_milliseconds;
    line->patience = 0;
}

enum hwgen_error hwgen_open(struct hwgen_board *board, const struct hwgen_line *line)
{
    struct reply reply;
    enum hwgen_error error;
    memset(board, 0, sizeof *board);
    board->line = line;
    error = restart(board);
    if (error == HWGEN_OK) {
        error = ask(board, HWGEN_COMMAND_READ, HWGEN_REPLY_REGISTERS, &reply);
    }
    if (error != HWGEN_OK) {
        return error;
    }
    if (get_word(reply.fields + WORD * HWGEN_REGISTER_MAGIC) != HWGEN_MAGIC) {
        return HWGEN_NO_CORE;
    }
    if (get_word(reply.fields + WORD * HWGEN_REGISTER_VERSION) != HWGEN_VERSION) {
        return HWGEN_OTHER_VERSION;
    }
    if (get_word(reply.fields + WORD * HWGEN_REGISTER_MODEL) != HWGEN_MODEL || reply.words != HWGEN_REGISTER_COUNT) {
        return HWGEN_OTHER_MODEL;
    }
    return HWGEN_OK;
}

enum hwgen_error hwgen_classify(struct hwgen_board *board, const uint8_t *image, struct hwgen_result *result)
{
    enum hwgen_error error = board->under_way > 0 ? HWGEN_BUSY : hwgen_submit(board, image);
    return error == HWGEN_OK ? hwgen_receive(board, result) : error;
}

enum hwgen_error hwgen_submit(struct hwgen_board *board, const uint8_t *image)
{
    enum hwgen_error error;
    if (board->under_way == HWGEN_WINDOW) {
        return HWGEN_BUSY;
    }
    board->images[board->under_way] = image;
    error = send_image(board, board->under_way);
    board->under_way = error == HWGEN_OK ? (uint8_t)(board->under_way + 1u) : 0;
    return error;
}

enum hwgen_error hwgen_receive(struct hwgen_board *board, struct hwgen_result *result)
{
    struct attempts attempts = {0, 0};
    struct reply reply;
    enum hwgen_error error;
    const uint8_t *word;
    if (board->under_way == 0) {
        return HWGEN_IDLE;
    }
    while ((error = oldest(board, &reply)) != HWGEN_OK) {
        const int again = once_more(&attempts, error);
        if (again) {
            error = restart(board);
        }
        for (unsigned i = 0; error == HWGEN_OK && i < board->under_way; i++) {
            error = send_image(board, i);
        }
        if (error != HWGEN_OK) {
            board->under_way = 0;
            return error;
        }
    }
    board->under_way--;
    for (unsigned i = 0; i < board->under_way; i++) {
        board->images[i] = board->images[i + 1];
        board->sequences[i] = board->sequences[i + 1];
    }
    word = reply.fields;
    for (unsigned i = 0; i < HWGEN_LOGITS; i++, word += WORD) {
        result->logits[i] = as_signed(get_word(word));
    }
    result->index = get_word(word);
    for (unsigned i = 0; i < HWGEN_LAYERS; i++) {
        word += WORD;
        result->cycles[i] = get_word(word);
    }
    return HWGEN_OK;
}

enum hwgen_error hwgen_self_test(struct hwgen_board *board, struct hwgen_result *result)
{
    static const int32_t logits[HWGEN_LOGITS] = HWGEN_TEST_LOGITS;
    enum hwgen_error error = hwgen_classify(board, NULL, result);
    if (error != HWGEN_OK) {
        return error;
    }
    for (unsigned i = 0; i < HWGEN_LOGITS; i++) {
        if (result->logits[i] != logits[i]) {
            return HWGEN_WRONG;
        }
    }
    return result->index == HWGEN_TEST_INDEX ? HWGEN_OK : HWGEN_WRONG;
}

enum hwgen_error hwgen_registers(struct hwgen_board *board, uint32_t *values)
{
    struct reply reply;
    enum hwgen_error error =
        board->under_way > 0 ? HWGEN_BUSY : ask(board, HWGEN_COMMAND_READ, HWGEN_REPLY_REGISTERS, &reply);
    if (error != HWGEN_OK) {
        return error;
    }
    if (reply.words != HWGEN_REGISTER_COUNT) {
        return HWGEN_OTHER_MODEL;
    }
    for (unsigned i = 0; i < HWGEN_REGISTER_COUNT; i++) {
        values[i] = get_word(reply.fields + WORD * i);
    }
    return HWGEN_OK;
}

enum hwgen_error hwgen_reset(struct hwgen_board *board)
{
    board->under_way = 0;
    return restart(board);
}

const char *hwgen_text(enum hwgen_error error)
{
    switch (error) {
    case HWGEN_OK:
        return "it went well";
    case HWGEN_BUSY:
        return "images are under way; receive their results first";
    case HWGEN_IDLE:
        return "no image is under way; submit one first";
    case HWGEN_GONE:
        return "the line to the board is gone; check the cable";
    case HWGEN_SILENT:
        return "nothing comes; check that the board is on, holds a bitstream of hwgen, and that the line and its "
               "speed are right";
    case HWGEN_NOISE:
        return "what comes is no hwgen board's; check the line and its speed";
    case HWGEN_DAMAGED_HERE:
        return "what the board sends arrives damaged; check the line and its speed";
    case HWGEN_DAMAGED_THERE:
        return "frames reach the board damaged; check the line and its speed";
    case HWGEN_LOST:
        return "results get lost; check that what arrives is kept while bytes are written";
    case HWGEN_OTHER_MESSAGES:
        return "the board sends messages of other lengths than this model's; load its bitstream, built anew, and check "
               "the line";
    case HWGEN_NO_COMMAND:
        return "the board does not know a command; build its bitstream anew";
    case HWGEN_NO_CORE:
        return "what answers is no hwgen board; check the line";
    case HWGEN_OTHER_VERSION:
        return "the board has registers of another version; build its bitstream and this host anew";
    case HWGEN_OTHER_MODEL:
        return "the board holds another model; load the bitstream of this one, or generate the host of that one";
    case HWGEN_WRONG:
        return "the test image got another result than the model gives; check the board's supply and clock, and build "
               "its bitstream anew";
    }
    return "there is no such error";
}
