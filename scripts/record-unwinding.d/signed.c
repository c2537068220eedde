/* A program that signs return addresses with both keys of arm64: functions with SECOND_KEY with the
 * second one, leaves too, and all others with the first one. The C library need not sign any. It
 * recurses, calls by pointer, has frames whose size or alignment is known only at run time, is
 * called back by the C library, and handles a signal. Every function but `deep` has one caller, so
 * that a stack with a wrong frame looks wrong. */
#include <alloca.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#define NOINLINE __attribute__((noinline, noclone))
#define SECOND_KEY __attribute__((target("branch-protection=pac-ret+leaf+b-key")))

static volatile unsigned long sink;

#define SPIN(name) \
	static SECOND_KEY NOINLINE void name(int turns) \
	{ \
		for (int i = 0; i < turns; i++) \
			sink += i * sink; \
	}
SPIN(spin_handler)
SPIN(spin_rest)
SPIN(spin_aligned)
SPIN(spin_room)
SPIN(spin_fills)
SPIN(spin_odd)

static NOINLINE void in_handler(void)
{
	spin_handler(600000);
	sink++;
}

static SECOND_KEY void on_tick(int number)
{
	in_handler();
	sink += number;
}

static NOINLINE int deep(int depth, int (*leaf)(int))
{
	volatile char room[24 + depth % 40];
	room[0] = depth;
	return depth ? deep(depth - 1, leaf) + room[0] : leaf(depth);
}

static SECOND_KEY NOINLINE int key(const void *a)
{
	spin_rest(40);
	return *(const int *)a % 1009;
}

static int by_rest(const void *a, const void *b)
{
	return key(a) - key(b);
}

static NOINLINE int sort(int seed)
{
	int list[64];
	for (int i = 0; i < 64; i++)
		list[i] = i * 7919 + seed;
	qsort(list, 64, sizeof *list, by_rest);
	return list[7];
}

static SECOND_KEY NOINLINE int aligned(int seed)
{
	_Alignas(64) volatile int block[64];
	for (int i = 0; i < 64; i++)
		block[i] = i + seed;
	spin_aligned(20000);
	return block[3];
}

static SECOND_KEY NOINLINE int rooms(int seed)
{
	int sum = 0;
	for (int i = 1; i < 8; i++) {
		char *room = alloca(i * 24 + (sink & 15));
		memset(room, seed, i * 24);
		spin_room(3000);
		sum += room[i];
	}
	return sum;
}

/* Its frame is longer than the recorded piece of the stack. */
static NOINLINE int fills(int seed)
{
	char big[3000];
	memset(big, seed, sizeof big);
	spin_fills(3000);
	return big[seed & 127];
}

static SECOND_KEY NOINLINE int even(int n);

static NOINLINE int odd(int n)
{
	if (!n)
		return 0;
	spin_odd(500);
	return even(n - 1) + 1;
}

static SECOND_KEY NOINLINE int even(int n)
{
	return n ? odd(n - 1) + 2 : 1;
}

static NOINLINE int turns(int n)
{
	return even(12 + n) + 1;
}

static SECOND_KEY NOINLINE unsigned long leaf(unsigned long n)
{
	for (int i = 0; i < 50; i++)
		n = n * n + i;
	return n;
}

static NOINLINE int leaves(int n)
{
	unsigned long sum = n;
	for (int i = 0; i < 200; i++)
		sum += leaf(sum);
	return sum & 3;
}

static int (*volatile list[])(int) = { sort, aligned, fills, rooms, turns, leaves };

static NOINLINE void round_of_all(void)
{
	static const int depths[] = { 3, 17, 5, 2, 1, 9 };
	for (int i = 0; i < 6; i++)
		sink += deep(depths[i], list[i]);
}

int main(void)
{
	signal(SIGALRM, on_tick);
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } };
	setitimer(ITIMER_REAL, &often, 0);
	for (clock_t end = clock() + CLOCKS_PER_SEC; clock() < end;)
		round_of_all();
	return sink == 7;
}
