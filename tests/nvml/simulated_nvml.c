/* A simulated libnvidia-ml.so.1: eight H100s without a GPU and without an NVIDIA header. It drives the real pynvml (and
 * nvitop, gpustat). tests/nvml/build.py compiles it; LD_LIBRARY_PATH makes a program load it.
 *
 * SIMULATED_NVML_CONTROL names a file that is read again whenever it changes (looked at every 20 ms). It is the whole
 * state: what it does not mention is healthy. Lines are "GPU KEY VALUE [VALUE]", GPU being an index or *:
 *
 *   util memutil temp memtemp margin watts limit clock memclock throttle pstate memory(MiB in use) fan
 *   ecc_corrected ecc_uncorrected remap_corrected remap_uncorrected remap_pending remap_failed
 *   nvlinks_down(mask) pcie_gen pcie_width pcie_rx pcie_tx(bytes/s) replays persistence ecc mig(instances)
 *   lost 1           every call answers GPU_IS_LOST        slow_us N     every call takes that long
 *   hang 1           every call never returns              xid CODE      one event for each new line
 *   process PID MIB  a compute process (repeatable)        graphics PID MIB
 *   fail FUNCTION CODE   that function answers CODE: 3 unsupported, 4 no permission, 13 not in this driver …
 *                        (GPU-less functions such as nvmlInitWithFlags take *)
 *
 * SIMULATED_NVML_GPUS: how many (default 8, at most 16). SIMULATED_NVML_PCIE_US: time that PcieThroughput takes
 * (a real driver: 20000). SIMULATED_NVML_PID: owner of one process a GPU (default: none). */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef unsigned int U;
typedef unsigned long long UL;
typedef int Code;
enum { OK = 0, UNINITIALISED = 1, INVALID = 2, UNSUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6, TOO_SMALL = 7, TIMEOUT = 10, LOST = 15, BAD_VERSION = 25 };
enum { MAX_GPUS = 16, MAX_PROCESSES = 32, MAX_MIG = 7, MAX_FAILS = 64, MAX_XIDS = 256, LINKS = 18 };
#define MIB (1ULL << 20)
#define EXPORT __attribute__((visibility("default")))

typedef struct { U pid; UL memory; U graphics; } Process;
typedef struct Gpu {
    int index, slice; /* slice: 0 for a GPU, else the number of a MIG device */
    struct Gpu *parent;
    char uuid[80], name[64], bus[32];
    UL util, memutil, temp, memtemp, margin, watts, limit, clock, memclock, throttle, pstate, memory, fan;
    UL ecc_corrected, ecc_uncorrected, remap_corrected, remap_uncorrected, remap_pending, remap_failed;
    UL nvlinks_down, pcie_gen, pcie_width, pcie_rx, pcie_tx, replays, persistence, ecc, mig;
    UL lost, slow_us, hang;
    Process processes[MAX_PROCESSES];
    int process_count;
} Gpu;
typedef struct { int gpu; char function[64]; Code code; } Fail;

static Gpu gpus[MAX_GPUS], slices[MAX_GPUS][MAX_MIG];
static Fail fails[MAX_FAILS];
static struct { int gpu; UL code; } xids[MAX_XIDS];
static int gpu_count = 8, started, fail_count, xid_count, xid_read;
static int pcie_us;
static struct { double bytes, at; } moved[MAX_GPUS][2]; /* PCIe bytes so far: tx, rx */
static double looked = -1;
static struct timespec control_time;
static off_t control_size = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void healthy(Gpu *g, int index) {
    memset(g, 0, sizeof *g);
    g->index = index;
    g->util = 90; g->memutil = 55; g->temp = 58 + index % 4; g->memtemp = 72; g->margin = 28;
    g->watts = 640; g->limit = 700; g->clock = 1980; g->memclock = 2619; g->memory = 68ULL << 10; g->fan = 200;
    g->pcie_gen = 5; g->pcie_width = 16; g->pcie_rx = 900000000; g->pcie_tx = 300000000; g->persistence = 1; g->ecc = 1;
    snprintf(g->uuid, sizeof g->uuid, "GPU-5afe%04x-0000-4000-8000-00000000000%x", index, index);
    snprintf(g->name, sizeof g->name, "NVIDIA H100 80GB HBM3");
    snprintf(g->bus, sizeof g->bus, "00000000:%02X:00.0", 0x1b + index * 0x0d);
    const char *owner = getenv("SIMULATED_NVML_PID");
    if (owner) g->processes[g->process_count++] = (Process){(U)atoi(owner), (g->memory - 600) * MIB, 0};
    for (int i = 0; i < MAX_MIG; i++) {
        Gpu *s = &slices[index][i];
        memset(s, 0, sizeof *s);
        s->index = index; s->slice = i + 1; s->parent = g;
        snprintf(s->uuid, sizeof s->uuid, "MIG-5afe%04x-0000-4000-8000-0000000000%x%x", index, index, i);
        snprintf(s->name, sizeof s->name, "NVIDIA H100 80GB HBM3 MIG 1g.10gb");
    }
}

static void add_process(Gpu *g, U pid, UL mib, U graphics) {
    if (g->process_count < MAX_PROCESSES) g->processes[g->process_count++] = (Process){pid, mib * MIB, graphics};
}

static void set(Gpu *g, const char *key, UL value, UL second) {
#define KEY(field) if (!strcmp(key, #field)) { g->field = value; return; }
    KEY(util) KEY(memutil) KEY(temp) KEY(memtemp) KEY(margin) KEY(watts) KEY(limit) KEY(clock) KEY(memclock) KEY(throttle)
    KEY(pstate) KEY(memory) KEY(fan) KEY(ecc_corrected) KEY(ecc_uncorrected) KEY(remap_corrected) KEY(remap_uncorrected)
    KEY(remap_pending) KEY(remap_failed) KEY(nvlinks_down) KEY(pcie_gen) KEY(pcie_width) KEY(pcie_rx) KEY(pcie_tx)
    KEY(replays) KEY(persistence) KEY(ecc) KEY(mig) KEY(lost) KEY(slow_us) KEY(hang)
    if (!strcmp(key, "process")) add_process(g, value, second, 0);
    else if (!strcmp(key, "graphics")) add_process(g, value, second, 1);
    else fprintf(stderr, "simulated nvml: unknown key %s\n", key); /* a typo in a test must not pass silently */
}

static void add_fail(int gpu, const char *function, Code code) {
    if (fail_count >= MAX_FAILS) return;
    fails[fail_count].gpu = gpu;
    fails[fail_count].code = code;
    snprintf(fails[fail_count++].function, sizeof fails[0].function, "%.63s", function);
}

static void apply(FILE *file) {
    char line[256], who[16], key[64], first[128], second[64];
    int seen = 0;
    while (fgets(line, sizeof line, file)) {
        second[0] = 0;
        if (line[0] == '#' || sscanf(line, "%15s %63s %127s %63s", who, key, first, second) < 3) continue;
        int only = who[0] == '*' ? -1 : atoi(who);
        if (!strcmp(key, "fail")) { add_fail(only, first, atoi(second)); continue; }
        if (!strcmp(key, "xid")) {
            if (++seen > xid_count && xid_count < MAX_XIDS) { xids[xid_count].gpu = only < 0 ? 0 : only; xids[xid_count++].code = strtoull(first, 0, 0); }
            continue;
        }
        for (int i = 0; i < gpu_count; i++)
            if (only < 0 || only == i) set(&gpus[i], key, strtoull(first, 0, 0), strtoull(second, 0, 0));
    }
}

static void refresh(void) {
    const char *path = getenv("SIMULATED_NVML_CONTROL");
    struct stat st;
    double t = now();
    if (!path || t - looked < 0.02) return;
    looked = t;
    if (stat(path, &st) || (st.st_mtim.tv_sec == control_time.tv_sec && st.st_mtim.tv_nsec == control_time.tv_nsec && st.st_size == control_size)) return;
    FILE *file = fopen(path, "r");
    if (!file) return;
    control_time = st.st_mtim;
    control_size = st.st_size;
    fail_count = 0;
    for (int i = 0; i < gpu_count; i++) healthy(&gpus[i], i);
    apply(file);
    fclose(file);
}

static Code failure(int gpu, const char *function) {
    for (int i = 0; i < fail_count; i++)
        if ((fails[i].gpu < 0 || fails[i].gpu == gpu) && !strcmp(fails[i].function, function)) return fails[i].code;
    return OK;
}

static Code enter(Gpu *g, const char *function) {
    if (!started) return UNINITIALISED;
    Gpu *gpu = g && g->parent ? g->parent : g;
    if (gpu < gpus || gpu >= gpus + gpu_count) return INVALID;
    pthread_mutex_lock(&lock);
    refresh();
    Code code = failure(gpu->index, function);
    pthread_mutex_unlock(&lock);
    while (gpu->hang) { /* until the file says otherwise */
        usleep(10000);
        pthread_mutex_lock(&lock);
        refresh();
        pthread_mutex_unlock(&lock);
    }
    if (gpu->slow_us) usleep(gpu->slow_us);
    return gpu->lost ? LOST : code;
}
static Code enter_library(const char *function) {
    pthread_mutex_lock(&lock);
    refresh();
    Code code = failure(-2, function);
    pthread_mutex_unlock(&lock);
    return code;
}
#define ENTER(g) do { Code code_ = enter(g, __func__); if (code_) return code_; } while (0)
#define GETTER(name, type, value) EXPORT Code name(Gpu *g, type *out) { ENTER(g); *out = (type)(value); return OK; }
static Code text(char *out, U room, const char *value) {
    if (strlen(value) + 1 > room) return TOO_SMALL;
    strcpy(out, value);
    return OK;
}

/* the library */
EXPORT Code nvmlInitWithFlags(U flags) {
    (void)flags;
    pthread_mutex_lock(&lock);
    if (!started) {
        const char *count = getenv("SIMULATED_NVML_GPUS"), *us = getenv("SIMULATED_NVML_PCIE_US");
        if (count) gpu_count = atoi(count) > MAX_GPUS ? MAX_GPUS : atoi(count);
        pcie_us = us ? atoi(us) : 0;
        control_size = -1; looked = -1;
        for (int i = 0; i < gpu_count; i++) healthy(&gpus[i], i);
    }
    pthread_mutex_unlock(&lock);
    Code code = enter_library("nvmlInitWithFlags");
    if (!code) started++;
    return code;
}
EXPORT Code nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
EXPORT Code nvmlInit(void) { return nvmlInitWithFlags(0); }
EXPORT Code nvmlShutdown(void) { if (!started) return UNINITIALISED; started--; return OK; }
EXPORT const char *nvmlErrorString(Code code) { return code == LOST ? "GPU is lost" : code == UNSUPPORTED ? "Not Supported" : code ? "Error" : "Success"; }
EXPORT Code nvmlSystemGetDriverVersion(char *out, U room) { Code code = enter_library(__func__); return code ? code : text(out, room, "580.95.05"); }
EXPORT Code nvmlSystemGetNVMLVersion(char *out, U room) { return text(out, room, "13.580.95.05"); }
EXPORT Code nvmlSystemGetCudaDriverVersion(int *out) { *out = 13000; return OK; }
EXPORT Code nvmlSystemGetCudaDriverVersion_v2(int *out) { *out = 13000; return OK; }
EXPORT Code nvmlSystemGetProcessName(U pid, char *out, U room) { char name[32]; snprintf(name, sizeof name, "pid-%u", pid); return text(out, room, name); }
EXPORT Code nvmlDeviceGetCount_v2(U *out) { Code code = enter_library(__func__); *out = gpu_count; return started ? code : UNINITIALISED; }
EXPORT Code nvmlDeviceGetCount(U *out) { return nvmlDeviceGetCount_v2(out); }
EXPORT Code nvmlDeviceGetHandleByIndex_v2(U index, Gpu **out) {
    if (!started) return UNINITIALISED;
    if ((int)index >= gpu_count) return INVALID;
    pthread_mutex_lock(&lock);
    refresh();
    Code code = failure(index, __func__);
    pthread_mutex_unlock(&lock);
    *out = &gpus[index];
    return code;
}
EXPORT Code nvmlDeviceGetHandleByIndex(U index, Gpu **out) { return nvmlDeviceGetHandleByIndex_v2(index, out); }
EXPORT Code nvmlDeviceGetHandleByUUID(const char *uuid, Gpu **out) {
    for (int i = 0; i < gpu_count; i++) if (!strcmp(uuid, gpus[i].uuid)) { *out = &gpus[i]; return OK; }
    return NOT_FOUND;
}

/* identity */
EXPORT Code nvmlDeviceGetIndex(Gpu *g, U *out) { *out = g->index; return OK; }
EXPORT Code nvmlDeviceGetMinorNumber(Gpu *g, U *out) { *out = g->index; return OK; }
EXPORT Code nvmlDeviceGetName(Gpu *g, char *out, U room) { ENTER(g); return text(out, room, g->name); }
EXPORT Code nvmlDeviceGetUUID(Gpu *g, char *out, U room) { ENTER(g); return text(out, room, g->uuid); }
EXPORT Code nvmlDeviceGetSerial(Gpu *g, char *out, U room) { ENTER(g); return text(out, room, "1650000000000"); }
EXPORT Code nvmlDeviceGetVbiosVersion(Gpu *g, char *out, U room) { ENTER(g); return text(out, room, "96.00.89.00.01"); }
typedef struct { char legacy[16]; U domain, bus, device, id, subsystem; char bus_id[32]; } Pci;
EXPORT Code nvmlDeviceGetPciInfo_v3(Gpu *g, Pci *out) {
    ENTER(g);
    memset(out, 0, sizeof *out);
    out->bus = 0x1b + g->index * 0x0d; out->id = 0x233010DE; out->subsystem = 0x16C110DE;
    snprintf(out->bus_id, sizeof out->bus_id, "%s", g->bus);
    snprintf(out->legacy, sizeof out->legacy, "%s", g->bus + 4);
    return OK;
}
GETTER(nvmlDeviceGetBrand, U, 17)
GETTER(nvmlDeviceGetArchitecture, U, 9)
GETTER(nvmlDeviceGetDisplayActive, U, 0)
GETTER(nvmlDeviceGetDisplayMode, U, 0)
GETTER(nvmlDeviceGetNumGpuCores, U, 16896)
GETTER(nvmlDeviceGetMemoryBusWidth, U, 5120)
GETTER(nvmlDeviceGetComputeMode, U, 0)
EXPORT Code nvmlDeviceGetCudaComputeCapability(Gpu *g, int *major, int *minor) { ENTER(g); *major = 9; *minor = 0; return OK; }

/* load, memory, heat, power, clocks */
typedef struct { U gpu, memory; } Utilisation;
EXPORT Code nvmlDeviceGetUtilizationRates(Gpu *g, Utilisation *out) {
    ENTER(g);
    if (g->mig || g->parent) return UNSUPPORTED; /* as a real one in MIG mode */
    out->gpu = g->util; out->memory = g->memutil;
    return OK;
}
typedef struct { UL total, free, used; } Memory;
typedef struct { U version; UL total, reserved, free, used; } Memory2;
static void fill(Gpu *g, Memory2 *m) {
    m->total = g->parent ? 9856 * MIB : 81559 * MIB;
    m->reserved = g->parent ? 0 : 551 * MIB;
    m->used = g->parent ? 1024 * MIB : g->memory * MIB;
    m->free = m->total - m->reserved - m->used;
}
EXPORT Code nvmlDeviceGetMemoryInfo(Gpu *g, Memory *out) { ENTER(g); Memory2 m; fill(g, &m); out->total = m.total; out->free = m.free; out->used = m.used + m.reserved; return OK; }
EXPORT Code nvmlDeviceGetMemoryInfo_v2(Gpu *g, Memory2 *out) { ENTER(g); if (out->version != (sizeof *out | 2u << 24)) return BAD_VERSION; fill(g, out); return OK; }
EXPORT Code nvmlDeviceGetBAR1MemoryInfo(Gpu *g, Memory *out) { ENTER(g); out->total = 131072 * MIB; out->used = 2 * MIB; out->free = out->total - out->used; return OK; }
EXPORT Code nvmlDeviceGetTemperature(Gpu *g, int sensor, U *out) { ENTER(g); if (sensor) return INVALID; *out = g->temp; return OK; }
typedef struct { U version; int sensor, temperature; } Temperature1;
EXPORT Code nvmlDeviceGetTemperatureV(Gpu *g, Temperature1 *out) { ENTER(g); out->temperature = g->temp; return OK; }
typedef struct { U version; int margin; } Margin;
EXPORT Code nvmlDeviceGetMarginTemperature(Gpu *g, Margin *out) { ENTER(g); out->margin = (int)g->margin; return OK; }
EXPORT Code nvmlDeviceGetTemperatureThreshold(Gpu *g, int which, U *out) { ENTER(g); static const U limits[] = {92, 89, 105, 87}; if (which < 0 || which > 3) return UNSUPPORTED; *out = limits[which]; return OK; }
GETTER(nvmlDeviceGetPowerUsage, U, g->watts * 1000)
GETTER(nvmlDeviceGetEnforcedPowerLimit, U, g->limit * 1000)
GETTER(nvmlDeviceGetPowerManagementLimit, U, g->limit * 1000)
GETTER(nvmlDeviceGetPowerManagementDefaultLimit, U, 700000)
GETTER(nvmlDeviceGetTotalEnergyConsumption, UL, now() * 1000 * g->watts)
EXPORT Code nvmlDeviceGetPowerManagementLimitConstraints(Gpu *g, U *low, U *high) { ENTER(g); *low = 200000; *high = 700000; return OK; }
static U mhz(Gpu *g, int kind) { return kind == 2 ? g->memclock : kind == 3 ? 1545 : g->clock; }
EXPORT Code nvmlDeviceGetClockInfo(Gpu *g, int kind, U *out) { ENTER(g); *out = mhz(g, kind); return OK; }
EXPORT Code nvmlDeviceGetMaxClockInfo(Gpu *g, int kind, U *out) { ENTER(g); *out = kind == 2 ? 2619 : 1980; return OK; }
GETTER(nvmlDeviceGetCurrentClocksEventReasons, UL, g->throttle)
GETTER(nvmlDeviceGetCurrentClocksThrottleReasons, UL, g->throttle)
GETTER(nvmlDeviceGetPerformanceState, int, g->pstate)
GETTER(nvmlDeviceGetPersistenceMode, int, g->persistence)
EXPORT Code nvmlDeviceGetFanSpeed(Gpu *g, U *out) { ENTER(g); if (g->fan > 100) return UNSUPPORTED; *out = g->fan; return OK; }
EXPORT Code nvmlDeviceGetNumFans(Gpu *g, U *out) { ENTER(g); *out = g->fan <= 100; return OK; }

/* errors */
EXPORT Code nvmlDeviceGetEccMode(Gpu *g, U *current, U *pending) { ENTER(g); *current = *pending = g->ecc; return OK; }
EXPORT Code nvmlDeviceGetTotalEccErrors(Gpu *g, int kind, int counter, UL *out) { ENTER(g); (void)counter; if (!g->ecc) return UNSUPPORTED; *out = kind ? g->ecc_uncorrected : g->ecc_corrected; return OK; }
EXPORT Code nvmlDeviceGetMemoryErrorCounter(Gpu *g, int kind, int counter, int place, UL *out) { (void)place; return nvmlDeviceGetTotalEccErrors(g, kind, counter, out); }
EXPORT Code nvmlDeviceGetRemappedRows(Gpu *g, U *corrected, U *uncorrected, U *pending, U *failed) { ENTER(g); *corrected = g->remap_corrected; *uncorrected = g->remap_uncorrected; *pending = g->remap_pending; *failed = g->remap_failed; return OK; }
EXPORT Code nvmlDeviceGetRetiredPagesPendingStatus(Gpu *g, U *out) { ENTER(g); (void)out; return UNSUPPORTED; }
EXPORT Code nvmlDeviceGetDriverModel(Gpu *g, U *current, U *pending) { ENTER(g); (void)current; (void)pending; return UNSUPPORTED; } /* as on every Linux; nvitop asks */
EXPORT Code nvmlDeviceGetDriverModel_v2(Gpu *g, U *current, U *pending) { return nvmlDeviceGetDriverModel(g, current, pending); }

/* PCIe and NVLink */
GETTER(nvmlDeviceGetCurrPcieLinkGeneration, U, g->pcie_gen)
GETTER(nvmlDeviceGetMaxPcieLinkGeneration, U, 5)
GETTER(nvmlDeviceGetCurrPcieLinkWidth, U, g->pcie_width)
GETTER(nvmlDeviceGetMaxPcieLinkWidth, U, 16)
GETTER(nvmlDeviceGetPcieReplayCounter, U, g->replays)
EXPORT Code nvmlDeviceGetPcieThroughput(Gpu *g, int direction, U *out) { ENTER(g); if (pcie_us) usleep(pcie_us); *out = (direction ? g->pcie_rx : g->pcie_tx) / 1024; return OK; }
EXPORT Code nvmlDeviceGetNvLinkState(Gpu *g, U link, U *out) { ENTER(g); if (link >= LINKS) return INVALID; *out = !(g->nvlinks_down >> link & 1); return OK; }
EXPORT Code nvmlDeviceGetNvLinkVersion(Gpu *g, U link, U *out) { ENTER(g); if (link >= LINKS) return INVALID; *out = 7; return OK; }
EXPORT Code nvmlDeviceGetNvLinkErrorCounter(Gpu *g, U link, int counter, UL *out) { ENTER(g); (void)counter; if (link >= LINKS) return INVALID; *out = 0; return OK; }
typedef union { double d; U u; UL ull; } Value;
typedef struct { U field, scope; int64_t timestamp, latency; U type; Code code; Value value; } Field; /* type 1: U, 3: UL */
static UL count(Gpu *g, int direction) {
    double t = now(), rate = direction ? g->pcie_rx : g->pcie_tx;
    if (moved[g->index][direction].at) moved[g->index][direction].bytes += (t - moved[g->index][direction].at) * rate;
    moved[g->index][direction].at = t;
    return (UL)moved[g->index][direction].bytes;
}
static Code field(Gpu *g, Field *f) {
    char name[32];
    snprintf(name, sizeof name, "field:%u", f->field); /* "0 fail field:197 3" takes one field away */
    Code code = failure(g->index, name);
    f->timestamp = (int64_t)(now() * 1e6); f->latency = 1; f->type = 1; f->value.ull = 0;
    switch (f->field) {
    case 82: f->value.u = g->memtemp; break;
    case 91: f->value.u = LINKS; break;
    case 165: f->value.u = f->scope < LINKS && !(g->nvlinks_down >> f->scope & 1); break;
    case 185: case 186: f->value.u = g->watts * 1000; break;
    case 197: f->type = 3; f->value.ull = count(g, 0); break;
    case 198: f->type = 3; f->value.ull = count(g, 1); break;
    default: return UNSUPPORTED;
    }
    return code;
}
EXPORT Code nvmlDeviceGetFieldValues(Gpu *g, int count, Field *f) { ENTER(g); for (int i = 0; i < count; i++) f[i].code = field(g, &f[i]); return OK; }

/* processes */
typedef struct { U pid; UL memory; U gpu_instance, compute_instance; } ProcessInfo;
static Code list(Gpu *g, U graphics, U *count, ProcessInfo *out) {
    U found = 0, room = *count;
    for (int i = 0; i < g->process_count; i++) found += g->processes[i].graphics == graphics;
    *count = found;
    if (!found) return OK;
    if (!out || room < found) return TOO_SMALL;
    for (int i = 0; i < g->process_count; i++)
        if (g->processes[i].graphics == graphics) *out++ = (ProcessInfo){g->processes[i].pid, g->processes[i].memory, ~0u, ~0u};
    return OK;
}
#define LISTING(name, graphics) EXPORT Code name(Gpu *g, U *count, ProcessInfo *out) { ENTER(g); return list(g, graphics, count, out); }
LISTING(nvmlDeviceGetComputeRunningProcesses_v3, 0)
LISTING(nvmlDeviceGetComputeRunningProcesses_v2, 0)
LISTING(nvmlDeviceGetGraphicsRunningProcesses_v3, 1)
LISTING(nvmlDeviceGetGraphicsRunningProcesses_v2, 1)
LISTING(nvmlDeviceGetMPSComputeRunningProcesses_v3, 2)
typedef struct { U pid; UL time; U sm, memory, encoder, decoder; } ProcessUse;
EXPORT Code nvmlDeviceGetProcessUtilization(Gpu *g, ProcessUse *out, U *count, UL since) {
    ENTER(g); (void)since;
    U room = *count, found = g->process_count;
    *count = found;
    if (!found) return NOT_FOUND;
    if (!out || room < found) return TOO_SMALL;
    for (U i = 0; i < found; i++) out[i] = (ProcessUse){g->processes[i].pid, (UL)time(0) * 1000000, g->util, g->memutil, 0, 0};
    return OK;
}
EXPORT Code nvmlDeviceGetEncoderUtilization(Gpu *g, U *use, U *period) { ENTER(g); *use = 0; *period = 167000; return OK; }
EXPORT Code nvmlDeviceGetDecoderUtilization(Gpu *g, U *use, U *period) { ENTER(g); *use = 0; *period = 167000; return OK; }

/* MIG */
EXPORT Code nvmlDeviceGetMigMode(Gpu *g, U *current, U *pending) { ENTER(g); *current = *pending = g->mig > 0; return OK; }
GETTER(nvmlDeviceGetMaxMigDeviceCount, U, MAX_MIG)
EXPORT Code nvmlDeviceGetMigDeviceHandleByIndex(Gpu *g, U index, Gpu **out) { ENTER(g); if (index >= g->mig || index >= MAX_MIG) return NOT_FOUND; *out = &slices[g->index][index]; return OK; }
EXPORT Code nvmlDeviceIsMigDeviceHandle(Gpu *g, U *out) { *out = g->parent != 0; return OK; }

/* events */
typedef struct { Gpu *gpu; UL type, data; U gpu_instance, compute_instance; } Event;
EXPORT Code nvmlEventSetCreate(void **out) { static int set_; *out = &set_; return OK; }
EXPORT Code nvmlEventSetFree(void *set_) { (void)set_; return OK; }
EXPORT Code nvmlDeviceGetSupportedEventTypes(Gpu *g, UL *out) { ENTER(g); *out = 0x1B; return OK; }
EXPORT Code nvmlDeviceRegisterEvents(Gpu *g, UL types, void *set_) { ENTER(g); (void)types; (void)set_; return OK; }
EXPORT Code nvmlEventSetWait_v2(void *set_, Event *out, U milliseconds) {
    (void)set_;
    for (double end = now() + milliseconds / 1e3;; usleep(5000)) {
        pthread_mutex_lock(&lock);
        refresh();
        int waiting = xid_read < xid_count;
        if (waiting) { *out = (Event){&gpus[xids[xid_read].gpu], 8, xids[xid_read].code, ~0u, ~0u}; xid_read++; }
        pthread_mutex_unlock(&lock);
        if (waiting) return OK;
        if (now() >= end) return TIMEOUT;
    }
}
