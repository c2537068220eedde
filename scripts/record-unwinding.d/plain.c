#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#define NOINLINE __attribute__((noinline))
static volatile unsigned long sink;
static NOINLINE void spin(int turns) { for (int i = 0; i < turns; i++) sink += i * sink; }
static NOINLINE void in_handler(void) { spin(1000000); sink++; }
static void on_tick(int number) { in_handler(); sink += number; }
static NOINLINE int deep(int depth, int (*leaf)(int))
{
	volatile char room[24 + depth % 40];
	room[0] = depth;
	return depth ? deep(depth - 1, leaf) + room[0] : leaf(depth);
}
static int by_rest(const void *a, const void *b) { spin(40); return *(const int *)a % 1009 - *(const int *)b % 1009; }
static NOINLINE int sort(int seed)
{
	int list[64];
	for (int i = 0; i < 64; i++)
		list[i] = i * 7919 + seed;
	qsort(list, 64, sizeof *list, by_rest);
	return list[7];
}
/* Its frame is aligned further than that of its caller. */
static NOINLINE int aligned(int seed)
{
	_Alignas(64) volatile int block[64];
	for (int i = 0; i < 64; i++)
		block[i] = i + seed;
	spin(20000);
	return block[3];
}
static NOINLINE int fills(int seed) { char big[3000]; memset(big, seed, sizeof big); spin(3000); return big[seed & 127]; }
int main(void)
{
	signal(SIGALRM, on_tick);
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } };
	setitimer(ITIMER_REAL, &often, 0);
	for (clock_t end = clock() + CLOCKS_PER_SEC; clock() < end;)
		sink += deep(3, sort) + deep(17, aligned) + deep(5, fills);
	return sink == 7;
}
