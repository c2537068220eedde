/* Holds a CPU so that it receives no packet, in one of these ways, again and again.
 *
 *   cause WAY COMM CPU COUNT PAUSE_MS SIZE
 *
 * Prepares, prints "ready", waits for a line on standard input, then makes COUNT calls on CPU, and
 * prints of each when it began (s of CLOCK_MONOTONIC) and how long it took (ms). The more SIZE, the
 * longer a call takes. Linux, root, and a network namespace of its own are needed.
 *
 *   seek        seeks in /proc/net/udp: the kernel formats SIZE sockets of one port, bottom halves off
 *   bind        binds a port that SIZE sockets have: inet_csk_get_port, bottom halves off
 *   worker      changes a threshold of XFRM: a kernel worker hashes all policies anew
 *               (xfrm_hash_rebuild), bottom halves off; the policies are made beforehand
 *   timers      changes how long the device vx0 keeps addresses: the softirq TIMER walks all of them
 *               (vxlan_cleanup); the addresses are made beforehand
 *   forks       no stall: SIZE processes that end at once
 *   interrupts  writes to an eventfd on which SIZE epolls wait: eventfd_write, interrupts off
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

/* A process has at most this many sockets here. */
enum { EACH = 9000, PORT = 8080 };

static long size;
static int event;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void run_on(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) < 0)
		die("sched_setaffinity");
}

static struct sockaddr_in address(uint32_t host, int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(host), .sin_port = htons(port)
	};
}

static void set(int socket, int level, int option)
{
	int one = 1;
	if (setsockopt(socket, level, option, &one, sizeof one) < 0)
		die("setsockopt");
}

/* Does `one` SIZE times in children, which then wait. */
static void in_children(void (*one)(long))
{
	int done[2];
	char byte;
	if (pipe(done))
		die("pipe");
	for (long from = 0; from < size; from += EACH) {
		long to = size - from < EACH ? size : from + EACH;
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (long at = from; at < to; at++)
				one(at);
			if (write(done[1], "", 1) != 1)
				die("write");
			for (;;)
				pause();
		}
		if (read(done[0], &byte, 1) != 1)
			die("a child failed");
	}
}

static int bind_port(int type, uint32_t host)
{
	struct sockaddr_in here = address(host, PORT);
	int s = socket(AF_INET, type, 0);
	set(s, SOL_SOCKET, SO_REUSEADDR);
	if (bind(s, (void *)&here, sizeof here) < 0)
		die("bind");
	return s;
}

static void bind_stream(long at)
{
	bind_port(SOCK_STREAM, INADDR_LOOPBACK + 255 + at);
}

static void bind_datagram(long at)
{
	bind_port(SOCK_DGRAM, INADDR_LOOPBACK + 255 + at);
}

static void wait_for_event(long at)
{
	struct epoll_event wanted = { .events = EPOLLIN };
	(void)at;
	if (epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, event, &wanted) < 0)
		die("epoll_ctl");
}

static void prepare_nothing(void) {}
static void prepare_seek(void) { in_children(bind_datagram); }
static void prepare_bind(void) { in_children(bind_stream); }
static void prepare_interrupts(void)
{
	event = eventfd(0, EFD_NONBLOCK);
	in_children(wait_for_event);
}
static void call_seek(void)
{
	int file = open("/proc/net/udp", O_RDONLY);
	/* A line has 128 bytes. */
	if (lseek(file, 128 * (size + 100), SEEK_SET) < 0)
		die("/proc/net/udp");
	close(file);
}
static void call_bind(void) { close(bind_port(SOCK_STREAM, INADDR_ANY)); }
static void call_ip(const char *change, int first)
{
	static int turn;
	char command[100];
	snprintf(command, sizeof command, change, first + turn++ % 2);
	if (system(command))
		exit(1);
	usleep(400000);
}
static void call_worker(void) { call_ip("ip xfrm policy set hthresh4 %d 32", 31); }
static void call_timers(void) { call_ip("ip link set vx0 type vxlan id 5 ageing %d", 9000); }
static void call_interrupts(void)
{
	uint64_t one = 1;
	if (write(event, &one, sizeof one) != sizeof one)
		die("eventfd");
}

static void call_forks(void)
{
	for (long at = 0; at < size; at++) {
		pid_t child = fork();
		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
	}
}

static const struct {
	const char *name;
	void (*prepare)(void);
	void (*call)(void);
} ways[] = {
	{ "seek", prepare_seek, call_seek },
	{ "bind", prepare_bind, call_bind },
	{ "worker", prepare_nothing, call_worker },
	{ "timers", prepare_nothing, call_timers },
	{ "forks", prepare_nothing, call_forks },
	{ "interrupts", prepare_interrupts, call_interrupts },
};

int main(int argc, char **argv)
{
	struct rlimit files = { EACH + 100, EACH + 100 };
	char line[16];
	unsigned way = 0;
	if (argc != 7)
		return fprintf(stderr, "usage: cause WAY COMM CPU COUNT PAUSE_MS SIZE\n"), 2;
	while (way < sizeof ways / sizeof *ways && strcmp(ways[way].name, argv[1]))
		way++;
	if (way == sizeof ways / sizeof *ways)
		return fprintf(stderr, "cause: there is no way %s\n", argv[1]), 2;
	setrlimit(RLIMIT_NOFILE, &files);
	prctl(PR_SET_NAME, argv[2]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int cpu = atoi(argv[3]), count = atoi(argv[4]), pause_ms = atoi(argv[5]);
	size = atol(argv[6]);
	run_on(0);
	ways[way].prepare();
	run_on(cpu);
	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof line, stdin))
		return 1;
	for (int at = 0; at < count; at++) {
		double begin = now_ms();
		ways[way].call();
		printf("%.6f %.3f\n", begin / 1e3, now_ms() - begin);
		fflush(stdout);
		usleep(pause_ms * 1000);
	}
	/* To free all sockets takes long too, and is no part of this. */
	while (fgets(line, sizeof line, stdin))
		;
	return 0;
}
