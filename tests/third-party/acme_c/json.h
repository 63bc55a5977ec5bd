/* As much of JSON as a plugin needs that has no library for it: finding the members of an object,
 * and reading a text. It never reads beyond what it is given, whatever that is. */
#ifndef ACME_JSON_H
#define ACME_JSON_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "wazo_auth_plugin.h"

/* What is left to be read. */
typedef struct json_cursor {
    const char *at;
    const char *end;
} json_cursor;

static json_cursor json_start(wazo_auth_bytes json) {
    json_cursor cursor = {json.data, json.data + json.length};
    return cursor;
}

static void json_skip_space(json_cursor *cursor) {
    while (cursor->at < cursor->end && strchr(" \t\r\n", *cursor->at) && *cursor->at)
        cursor->at++;
}

/* Steps over one character, if it is the next. */
static bool json_take(json_cursor *cursor, char wanted) {
    json_skip_space(cursor);
    if (cursor->at == cursor->end || *cursor->at != wanted) return false;
    cursor->at++;
    return true;
}

/* Steps over a text, and gives it as it is written, with its quotes. */
static bool json_take_text(json_cursor *cursor, wazo_auth_bytes *text) {
    json_skip_space(cursor);
    const char *start = cursor->at;
    if (!json_take(cursor, '"')) return false;
    for (; cursor->at < cursor->end; cursor->at++) {
        if (*cursor->at == '"') {
            cursor->at++;
            *text = (wazo_auth_bytes){start, (size_t)(cursor->at - start)};
            return true;
        }
        if (*cursor->at == '\\' && cursor->at + 1 < cursor->end) cursor->at++;
    }
    return false;
}

/* Steps over any value, and gives it as it is written. */
static bool json_take_value(json_cursor *cursor, wazo_auth_bytes *value) {
    json_skip_space(cursor);
    const char *start = cursor->at;
    int depth = 0;
    while (cursor->at < cursor->end) {
        char next = *cursor->at;
        wazo_auth_bytes text;
        if (depth == 0 && cursor->at > start && strchr(",}] \t\r\n", next)) break;
        if (next == '"') {
            if (!json_take_text(cursor, &text)) return false;
        } else {
            if (next == '{' || next == '[') depth++;
            if (next == '}' || next == ']') depth--;
            cursor->at++;
        }
        if (depth == 0 && strchr("\"}]", next)) break;
    }
    *value = (wazo_auth_bytes){start, (size_t)(cursor->at - start)};
    return depth == 0 && value->length > 0;
}

/* Opens an object, whose members json_next then gives one by one. */
static bool json_open(json_cursor *cursor) {
    return json_take(cursor, '{');
}

static bool json_next(json_cursor *cursor, wazo_auth_bytes *name, wazo_auth_bytes *value) {
    json_take(cursor, ',');
    return json_take_text(cursor, name) && json_take(cursor, ':') && json_take_value(cursor, value);
}

static bool json_is(wazo_auth_bytes written, const char *text) {
    return written.length == strlen(text) && memcmp(written.data, text, written.length) == 0;
}

/* The member of an object whose name, with quotes, is written like this. */
static bool json_member(wazo_auth_bytes object, const char *wanted, wazo_auth_bytes *value) {
    json_cursor cursor = json_start(object);
    wazo_auth_bytes name;
    if (!json_open(&cursor)) return false;
    while (json_next(&cursor, &name, value))
        if (json_is(name, wanted)) return true;
    return false;
}

static unsigned json_hex(const char *digits) {
    unsigned number = 0;
    for (int i = 0; i < 4; i++) {
        char digit = digits[i];
        unsigned value = digit <= '9' ? (unsigned)(digit - '0') : (unsigned)(digit | 32) - 'a' + 10;
        number = number << 4 | (value & 15);
    }
    return number;
}

static char *json_put(char *out, unsigned letter) {
    if (letter < 0x80) {
        *out++ = (char)letter;
    } else if (letter < 0x800) {
        *out++ = (char)(0xc0 | letter >> 6);
        *out++ = (char)(0x80 | (letter & 63));
    } else if (letter < 0x10000) {
        *out++ = (char)(0xe0 | letter >> 12);
        *out++ = (char)(0x80 | (letter >> 6 & 63));
        *out++ = (char)(0x80 | (letter & 63));
    } else {
        *out++ = (char)(0xf0 | letter >> 18);
        *out++ = (char)(0x80 | (letter >> 12 & 63));
        *out++ = (char)(0x80 | (letter >> 6 & 63));
        *out++ = (char)(0x80 | (letter & 63));
    }
    return out;
}

/* What a text says, in memory that the caller frees; no data when it is none. */
static wazo_auth_bytes json_text(wazo_auth_bytes written) {
    wazo_auth_bytes none = {NULL, 0};
    if (written.length < 2 || written.data[0] != '"') return none;
    /* What is written is never shorter than what it says. */
    char *text = (char *)malloc(written.length);
    if (!text) return none;
    const char *at = written.data + 1, *end = written.data + written.length - 1;
    char *out = text;
    while (at < end) {
        if (*at != '\\') {
            *out++ = *at++;
            continue;
        }
        at++;
        const char *named = strchr("b\bf\fn\nr\rt\t", *at);
        if (*at != 'u') {
            *out++ = named && *at ? named[1] : *at;
            at++;
            continue;
        }
        if (end - at < 5) break;
        unsigned letter = json_hex(at + 1);
        at += 5;
        if (letter >= 0xd800 && letter < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
            letter = 0x10000 + ((letter & 0x3ff) << 10) + (json_hex(at + 2) & 0x3ff);
            at += 6;
        }
        out = json_put(out, letter);
    }
    return (wazo_auth_bytes){text, (size_t)(out - text)};
}

/* Whether two texts say the same, however they are written. */
static bool json_same(wazo_auth_bytes one, wazo_auth_bytes other) {
    wazo_auth_bytes a = json_text(one), b = json_text(other);
    /* Takes as long wherever they differ: one of them may be a password. */
    unsigned char differ = !a.data || !b.data || a.length != b.length;
    size_t shorter = a.length < b.length ? a.length : b.length;
    for (size_t i = 0; i < shorter; i++) differ |= (unsigned char)(a.data[i] ^ b.data[i]);
    free((char *)a.data);
    free((char *)b.data);
    return !differ;
}

#endif
