/* The backend harms: its login says what it does wrong. */
#include <stdlib.h>
#include <string.h>

#include "wazo_auth_plugin.h"

static const wazo_auth_host *the_host;
static int replies_freed;

static int has(wazo_auth_bytes text, const char *part) {
    return text.length >= strlen(part) && memmem(text.data, text.length, part, strlen(part)) != NULL;
}

static wazo_auth_bytes text(const char *text) {
    return (wazo_auth_bytes){text, strlen(text)};
}

static void fails(wazo_auth_reply *reply, uint32_t kind, wazo_auth_bytes sentence) {
    reply->failed = 7;
    reply->kind = kind;
    reply->head = sentence;
}

/* Asks the daemon for what is no question; passes the failure on. */
static void asks(wazo_auth_bytes service, wazo_auth_bytes head, wazo_auth_reply *reply) {
    static char kept[200];
    wazo_auth_reply said = {0};
    the_host->call(the_host, service, head, text(""), NULL);
    the_host->call(NULL, service, head, text(""), &said);
    the_host->call(the_host, service, head, text(""), &said);
    size_t length = said.head.length < sizeof kept ? said.head.length : sizeof kept;
    memcpy(kept, said.head.data, length);
    fails(reply, said.failed ? said.kind : WAZO_AUTH_OTHER, (wazo_auth_bytes){kept, length});
    the_host->free_reply(the_host, &said);
    the_host->free_reply(the_host, &said);
    the_host->free_reply(the_host, NULL);
}

static void *create(wazo_auth_bytes kind, wazo_auth_bytes name, wazo_auth_bytes config,
                    const wazo_auth_host *host, wazo_auth_reply *failure) {
    (void)kind, (void)name;
    the_host = host;
    if (host->version != WAZO_AUTH_TABLE_VERSION || host->size != sizeof *host) abort();
    if (has(config, "\"silent\"")) return NULL;
    if (has(config, "\"wordy\"")) {
        fails(failure, WAZO_AUTH_CONFIG, text("config: \xff is no \n\x1b[31mcolour"));
        return NULL;
    }
    if (has(config, "\"nowhere\"")) {
        fails(failure, WAZO_AUTH_CONFIG, (wazo_auth_bytes){NULL, 5});
        return NULL;
    }
    return &the_host;
}

static void call(void *plugin, wazo_auth_bytes method, wazo_auth_bytes head, wazo_auth_bytes body,
                 wazo_auth_reply *reply) {
    static char large[WAZO_AUTH_MOST_BYTES + 1];
    const wazo_auth_bytes nowhere = {NULL, 5};
    (void)plugin, (void)body;
    if (!has(method, "verify_password")) {
        fails(reply, WAZO_AUTH_UNSUPPORTED, text(""));
        return;
    }
    reply->head = text("{\"verified\":true}");
    if (has(head, "\"head nowhere\"")) reply->head = nowhere;
    if (has(head, "\"body nowhere\"")) reply->body = nowhere;
    if (has(head, "\"endless\"")) reply->head.length = SIZE_MAX;
    if (has(head, "\"large body\"")) reply->body = (wazo_auth_bytes){large, sizeof large};
    if (has(head, "\"no text\"")) reply->head = text("{\"verified\":\"\xed\xa0\x80\"}");
    if (has(head, "\"nothing\"")) reply->head = (wazo_auth_bytes){NULL, 0};
    if (has(head, "\"no json\"")) reply->head = text("yes");
    if (has(head, "\"silent\"")) fails(reply, WAZO_AUTH_OTHER, (wazo_auth_bytes){NULL, 0});
    if (has(head, "\"failure nowhere\"")) fails(reply, WAZO_AUTH_OTHER, nowhere);
    if (has(head, "\"failure endless\"")) fails(reply, WAZO_AUTH_OTHER, (wazo_auth_bytes){large, SIZE_MAX});
    if (has(head, "\"unknown kind\"")) fails(reply, 4711, text("of a later version"));
    if (has(head, "\"broke\"")) fails(reply, WAZO_AUTH_PANIC, text("an exception"));
    if (has(head, "\"asks nowhere\"")) asks(nowhere, text("{}"), reply);
    if (has(head, "\"asks no text\"")) asks(text("platform.get"), text("\xff"), reply);
    if (has(head, "\"asks endlessly\""))
        asks(text("platform.get"), (wazo_auth_bytes){large, SIZE_MAX}, reply);
    if (has(head, "\"counts\"")) reply->head.length = replies_freed > 0 ? reply->head.length : 0;
    the_host->log(the_host, 3, nowhere, text("said \xff"));
    the_host->log(NULL, 3, nowhere, nowhere);
}

static void destroy(void *plugin) {
    if (plugin != &the_host) abort();
}

static void free_reply(wazo_auth_reply *reply) {
    replies_freed += reply != NULL;
}

#ifndef TABLE
WAZO_AUTH_PLUGIN("harms", "0.0.1", WAZO_AUTH_OFFER("backend", "harms", "0.0.1"), create, call,
                 destroy, free_reply)
#else
WAZO_AUTH_SECTION(WAZO_AUTH_MANIFEST("harms", "0.0.1", WAZO_AUTH_OFFER("backend", "harms", "1")))
const wazo_auth_plugin_table_v1 wazo_auth_plugin_table = {TABLE};
#endif
