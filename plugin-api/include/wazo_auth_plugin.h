/* wazo_auth_plugin.h: the plugin API of wazo-auth, version 1.0, as tables of C.
 *
 * A plugin in C (or in anything that speaks C) answers the same calls, in the
 * same JSON, as one in Rust: "wire" of the crate wazo-auth-plugin-api names
 * every method, every service of the daemon, and what each takes and answers
 * (for instance verify_password takes {"login": ..., "password": ..., "args":
 * {...}} and answers {"verified": true}). Kinds of plugins: backend,
 * identity_provider, metadata, external_auth, email_notification, http.
 *
 * A whole plugin is the functions below and one line that exports them:
 *
 *   WAZO_AUTH_PLUGIN("acme", "1.0.0", WAZO_AUTH_OFFER("backend", "acme", "1.0.0"),
 *                    acme_create, acme_call, acme_destroy, acme_free_reply)
 *
 *   gcc -shared -fPIC -fvisibility=hidden -o libacme.so acme.c
 *
 * Memory. Who makes something frees it: the daemon copies an answer and then
 * gives it back to free_reply; the plugin gives the daemon's answers back to
 * host->free_reply. What is handed to a function is valid until that function
 * returns. A host is valid for as long as the process lives.
 *
 * Threads. call is run by many threads, several at a time. create is run by
 * one thread at a time; destroy comes once, when no call is under way, or
 * never. The functions of a host may be called by any thread at any time, by
 * threads of the plugin's own too. A function may block: the daemon answers
 * for it when its time (plugins.<name>.timeout) is over.
 *
 * Nothing else may leave a function: no C++ exception, no longjmp. A plugin
 * that crashes takes the daemon with it, unless the configuration gives it a
 * process of its own (plugins.<name>.isolation: process).
 *
 * Frozen: nothing in here changes within version 1. What is added to the API
 * later is new methods, services and fields of the JSON. Ignore members that
 * you do not know, and answer WAZO_AUTH_UNSUPPORTED to such a method.
 */
#ifndef WAZO_AUTH_PLUGIN_H
#define WAZO_AUTH_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the plugin API that this header belongs to. */
#define WAZO_AUTH_PLUGIN_API "1.0.0"
/* The version of the tables below. */
#define WAZO_AUTH_TABLE_VERSION 1

/* The most bytes that the daemon reads of the head or the body of an answer. */
#define WAZO_AUTH_MOST_BYTES 1048576

/* What sort of failure a reply is; any other number counts as OTHER. */
enum {
    WAZO_AUTH_OTHER = 0,        /* nothing more precise: answered 500 */
    WAZO_AUTH_PANIC = 1,        /* it broke (a C++ exception, say): after a few it is quarantined */
    WAZO_AUTH_UNSUPPORTED = 2,  /* no such method: the documented default is used */
    WAZO_AUTH_CONFIG = 3,       /* of create: the configuration is wrong, and how */
    WAZO_AUTH_MALFORMED = 4,    /* the head could not be read */
    WAZO_AUTH_UNAUTHORIZED = 5, /* the credentials are refused: answered 401 */
    WAZO_AUTH_NOT_FOUND = 6,    /* what was asked for does not exist */
    WAZO_AUTH_BUSY = 7,         /* too much to do at the moment: answered 503 */
    WAZO_AUTH_TIMED_OUT = 8,    /* a server behind the plugin did not answer */
    WAZO_AUTH_HOST = 9,         /* of a host: the daemon failed, its log says why */
    WAZO_AUTH_API = 10          /* the text is JSON, the very answer of the API: ApiError */
};

/* Bytes of somebody else; no NUL stands at their end. data may be NULL when
 * length is 0. All texts are UTF-8. */
typedef struct wazo_auth_bytes {
    const char *data;
    size_t length;
} wazo_auth_bytes;

/* An answer or a failure. It is all zero before it is filled in. */
typedef struct wazo_auth_reply {
    uint32_t failed;      /* 0: an answer; anything else: a failure */
    uint32_t kind;        /* of a failure: one of the numbers above */
    wazo_auth_bytes head; /* an answer's JSON, or a failure's sentence for the daemon's log */
    wazo_auth_bytes body; /* raw bytes of an answer, for the few methods that have some */
    void *owner;          /* for the side that fills it in, to free it by */
} wazo_auth_reply;

/* The daemon, as one plugin sees it. */
typedef struct wazo_auth_host wazo_auth_host;
struct wazo_auth_host {
    uint32_t version; /* WAZO_AUTH_TABLE_VERSION */
    uint32_t size;    /* sizeof(wazo_auth_host) */
    /* Runs a service of the daemon, and fills in the reply. */
    void (*call)(const wazo_auth_host *host, wazo_auth_bytes service, wazo_auth_bytes head,
                 wazo_auth_bytes body, wazo_auth_reply *reply);
    /* Frees what call filled in, and makes it all zero. */
    void (*free_reply)(const wazo_auth_host *host, wazo_auth_reply *reply);
    /* Writes one line to the daemon's log. level: 1 error, 2 warning, 3 information, 4 debug,
     * 5 trace; target: which part of the plugin speaks. Never a password. */
    void (*log)(const wazo_auth_host *host, uint32_t level, wazo_auth_bytes target,
                wazo_auth_bytes text);
};

/* What a plugin file exports, under the name wazo_auth_plugin_table. No function may be NULL. */
typedef struct wazo_auth_plugin_table_v1 {
    uint32_t version; /* WAZO_AUTH_TABLE_VERSION */
    uint32_t size;    /* sizeof(wazo_auth_plugin_table_v1) */
    /* Makes the plugin of this kind and name, with its block of the configuration (JSON). Gives
     * anything but NULL, or NULL and a failure: of kind WAZO_AUTH_CONFIG, say, and with a sentence
     * such as "config: `url` is missing". */
    void *(*create)(wazo_auth_bytes kind, wazo_auth_bytes name, wazo_auth_bytes config,
                    const wazo_auth_host *host, wazo_auth_reply *failure);
    /* Runs a method, and fills in the reply. */
    void (*call)(void *plugin, wazo_auth_bytes method, wazo_auth_bytes head, wazo_auth_bytes body,
                 wazo_auth_reply *reply);
    /* Ends a plugin. */
    void (*destroy)(void *plugin);
    /* Frees what create or call filled in. Comes once for every reply, for one that was left all
     * zero too. */
    void (*free_reply)(wazo_auth_reply *reply);
} wazo_auth_plugin_table_v1;

/* What the plugin is compiled for, as the daemon names it; define it yourself for others. */
#ifndef WAZO_AUTH_TARGET
#if defined(__x86_64__)
#define WAZO_AUTH_ARCH "x86_64"
#elif defined(__aarch64__)
#define WAZO_AUTH_ARCH "aarch64"
#elif defined(__i386__)
#define WAZO_AUTH_ARCH "x86"
#elif defined(__arm__)
#define WAZO_AUTH_ARCH "arm"
#elif defined(__riscv) && __riscv_xlen == 64
#define WAZO_AUTH_ARCH "riscv64"
#else
#error "define WAZO_AUTH_TARGET: what `wazo-auth plugin inspect` says of a plugin that fits"
#endif
#if defined(__GLIBC__)
#define WAZO_AUTH_TARGET WAZO_AUTH_ARCH "-linux-gnu"
#else
#define WAZO_AUTH_TARGET WAZO_AUTH_ARCH "-linux-musl"
#endif
#endif

#ifdef __VERSION__
#define WAZO_AUTH_COMPILER "C compiler " __VERSION__
#else
#define WAZO_AUTH_COMPILER "a C compiler"
#endif

/* One plugin of the file. Several stand beside each other with a "," between them. The name holds
 * a-z, A-Z, 0-9, _ and - only. */
#define WAZO_AUTH_OFFER(kind, name, version) \
    "{\"kind\":\"" kind "\",\"name\":\"" name "\",\"version\":\"" version "\"}"

/* What the file says of itself, in the section .wazo_auth_plugin, which the daemon reads before it
 * runs anything: the length of all of it, who it is for, the form's version (both numbers 32 bits,
 * little endian), JSON. */
#define WAZO_AUTH_MANIFEST(package, package_version, offers) \
    "{\"plugin_api\":\"" WAZO_AUTH_PLUGIN_API "\",\"crate\":{\"name\":\"" package \
    "\",\"version\":\"" package_version "\"},\"target\":\"" WAZO_AUTH_TARGET \
    "\",\"panic\":\"none\",\"build\":\"" WAZO_AUTH_COMPILER "\",\"plugins\":[" offers "]}"

/* Exports the plugins of a file. Used once. All three texts are literals. */
#define WAZO_AUTH_PLUGIN(package, package_version, offers, create, call, destroy, free_reply) \
    WAZO_AUTH_SECTION(WAZO_AUTH_MANIFEST(package, package_version, offers)) \
    const wazo_auth_plugin_table_v1 wazo_auth_plugin_table = { \
        WAZO_AUTH_TABLE_VERSION, (uint32_t)sizeof(wazo_auth_plugin_table_v1), \
        create, call, destroy, free_reply};

__attribute__((visibility("default")))
extern const wazo_auth_plugin_table_v1 wazo_auth_plugin_table;

#define WAZO_AUTH_SECTION(json) \
    __attribute__((section(".wazo_auth_plugin"), WAZO_AUTH_KEEP)) \
    static const struct { \
        unsigned char length[4]; \
        char magic[16]; \
        unsigned char version[4]; \
        char text[sizeof(json)]; \
    } wazo_auth_manifest = { \
        {WAZO_AUTH_BYTE(sizeof(json) + 23, 0), WAZO_AUTH_BYTE(sizeof(json) + 23, 8), \
         WAZO_AUTH_BYTE(sizeof(json) + 23, 16), WAZO_AUTH_BYTE(sizeof(json) + 23, 24)}, \
        {'w', 'a', 'z', 'o', '-', 'a', 'u', 't', 'h', '-', 'p', 'l', 'u', 'g', 'i', 'n'}, \
        {1, 0, 0, 0}, \
        json};
/* No linker may drop it, though nothing refers to it. */
#define WAZO_AUTH_KEEP used
#ifdef __has_attribute
#if __has_attribute(retain)
#undef WAZO_AUTH_KEEP
#define WAZO_AUTH_KEEP used, retain
#endif
#endif
#define WAZO_AUTH_BYTE(number, bits) (unsigned char)(((number) >> (bits)) & 255)

#ifdef __cplusplus
}
#endif

#endif
