/* A trivial JACK client that runs beside rtrave: periods that it misses, too, are the fault of the computer or server.
 *
 * It copies its input to its output, and prints one line of JSON a second: callbacks, missed periods (by the server's
 * frame count), and xruns that the server reports. scripts/soak-show compiles it with
 * cc -O2 soak_client.c -o soak_client -l:libjack.so.0; the declarations below replace JACK's header.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct _jack_client jack_client_t;
typedef struct _jack_port jack_port_t;
typedef uint32_t jack_nframes_t;
jack_client_t *jack_client_open(const char *name, int options, int *status, ...);
int jack_client_close(jack_client_t *client);
int jack_activate(jack_client_t *client);
int jack_set_process_callback(jack_client_t *client, int (*callback)(jack_nframes_t, void *), void *arg);
int jack_set_xrun_callback(jack_client_t *client, int (*callback)(void *), void *arg);
void jack_on_shutdown(jack_client_t *client, void (*callback)(void *), void *arg);
jack_port_t *jack_port_register(jack_client_t *client, const char *name, const char *type, unsigned long flags,
                                unsigned long size);
void *jack_port_get_buffer(jack_port_t *port, jack_nframes_t frames);
jack_nframes_t jack_last_frame_time(const jack_client_t *client);

enum { NO_START_SERVER = 1, IS_INPUT = 1, IS_OUTPUT = 2 };

static jack_client_t *client;
static jack_port_t *input, *output;
static volatile sig_atomic_t ended;
static volatile unsigned long callbacks, missed, xruns;

static int process(jack_nframes_t frames, void *arg)
{
    static jack_nframes_t due;
    jack_nframes_t now = jack_last_frame_time(client);
    (void)arg;
    int32_t late = (int32_t)(now - due); /* negative if the server resets its count */
    if (callbacks && late > 0)
        missed += (jack_nframes_t)late / frames;
    due = now + frames;
    callbacks++;
    memcpy(jack_port_get_buffer(output, frames), jack_port_get_buffer(input, frames), frames * sizeof(float));
    return 0;
}

static int xrun(void *arg)
{
    (void)arg;
    xruns++;
    return 0;
}

static void shut_down(void *arg)
{
    (void)arg;
    ended = 1;
}

static void stop(int number)
{
    (void)number;
    ended = 1;
}

int main(void)
{
    static const char type[] = "32 bit float mono audio";
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    client = jack_client_open("control", NO_START_SERVER, NULL);
    if (!client) {
        fputs("no JACK server\n", stderr);
        return 1;
    }
    jack_set_process_callback(client, process, NULL);
    jack_set_xrun_callback(client, xrun, NULL);
    jack_on_shutdown(client, shut_down, NULL);
    input = jack_port_register(client, "in", type, IS_INPUT, 0);
    output = jack_port_register(client, "out", type, IS_OUTPUT, 0);
    if (!input || !output || jack_activate(client))
        return 1;
    while (!ended) {
        sleep(1);
        printf("{\"callbacks\": %lu, \"missed\": %lu, \"xruns\": %lu}\n", callbacks, missed, xruns);
        fflush(stdout);
    }
    jack_client_close(client);
    return 0;
}
