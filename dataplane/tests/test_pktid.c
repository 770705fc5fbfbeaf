// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "dataplane/pktid.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define W PKTID_WINDOW

// One window from top to bottom: each row is a packet that authenticated.
static const struct {
	uint32_t id;
	bool accepted;
} rows[] = {
	/*  0 */ {0, false}, // never sent
	/*  1 */ {1, true},
	/*  2 */ {1, false},
	/*  3 */ {0, false},
	/*  4 */ {3, true},
	/*  5 */ {2, true}, // late, but inside
	/*  6 */ {2, false},
	/*  7 */ {3, false},
	/*  8 */ {64, true}, // the next word
	/*  9 */ {63, true},
	/* 10 */ {65, true},
	/* 11 */ {64, false},
	/* 12 */ {W, true}, // lower edge is 1, which was seen
	/* 13 */ {1, false},
	/* 14 */ {4, true},
	/* 15 */ {W + 3, true}, // lower edge is 4
	/* 16 */ {3, false},
	/* 17 */ {4, false},
	/* 18 */ {5, true},
	/* 19 */ {W + 9, true}, // lower edge is 10
	/* 20 */ {9, false},    // never seen, too old by one
	/* 21 */ {10, true},    // the oldest of the window
	/* 22 */ {10, false},
	/* 23 */ {W + 63, true},
	/* 24 */ {64, false},
	/* 25 */ {66, true},
	/* 26 */ {W + 64, true}, // the ring has gone round: the word of ids 0 to 63
	/* 27 */ {65, false},
	/* 28 */ {67, true},
	/* 29 */ {128, true},
	/* 30 */ {64 * PKTID_WORDS + 63, true}, // last bit of that word
	/* 31 */ {64 * PKTID_WORDS, false},     // row 26
	/* 32 */ {64 * PKTID_WORDS + 63, false},
	/* 33 */ {64 * PKTID_WORDS + 63 - W, false},
	/* 34 */ {64 * PKTID_WORDS + 64 - W, false}, // 128, row 29
	/* 35 */ {64 * PKTID_WORDS + 65 - W, true},
	/* 36 */ {10 * W, true}, // jump further than the ring is long
	/* 37 */ {9 * W, false}, // too old by one
	/* 38 */ {9 * W + 1, true},
	/* 39 */ {10 * W - 1, true},
	/* 40 */ {10 * W, false},
	/* 41 */ {10 * W + 64 * PKTID_WORDS - 1, true}, // jump of exactly the ring, less one
	/* 42 */ {10 * W + 64 * PKTID_WORDS - 2, true},
	/* 43 */ {10 * W + 64, true},
	/* 44 */ {10 * W + 63, false}, // too old by one
	/* 45 */ {30 * W, true},
	/* 46 */ {30 * W + 64 * PKTID_WORDS, true}, // jump of exactly the ring: same word, same bit
	/* 47 */ {30 * W + 64 * PKTID_WORDS, false},
	/* 48 */ {30 * W + 64 * PKTID_WORDS - 64, true},
	/* 49 */ {PKTID_MAX - W, true}, // jump over most of the number space
	/* 50 */ {PKTID_MAX, true},
	/* 51 */ {PKTID_MAX, false},
	/* 52 */ {PKTID_MAX - 1, true},
	/* 53 */ {PKTID_MAX - W + 1, true}, // the oldest of the last window
	/* 54 */ {PKTID_MAX - W, false},
	/* 55 */ {0, false}, // ids never wrap
	/* 56 */ {1, false},
};

static void test_rows(void)
{
	struct pktid_recv r = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool accepted = pktid_accept(&r, rows[i].id);

		if (accepted != rows[i].accepted)
			fprintf(stderr, "row %zu: id %u %s\n", i, rows[i].id,
				accepted ? "accepted" : "rejected");
		CU_ASSERT_EQUAL(accepted, rows[i].accepted);
	}
}

// In each window position, exactly PKTID_WINDOW ids are acceptable, once each.
static void test_every_position(void)
{
	for (uint32_t highest = W; highest < W + 2 * 64 * PKTID_WORDS; highest++) {
		struct pktid_recv r = {0};
		uint32_t accepted = 0;

		CU_ASSERT(pktid_accept(&r, highest - 7));
		CU_ASSERT(pktid_accept(&r, highest));
		for (uint32_t id = highest; id > 0 && id + W + 130 > highest; id--)
			accepted += pktid_accept(&r, id);
		CU_ASSERT_EQUAL(accepted, W - 2);
		for (uint32_t id = highest; id > 0 && id + W + 130 > highest; id--)
			accepted += pktid_accept(&r, id);
		CU_ASSERT_EQUAL(accepted, W - 2);
	}
}

// Against a plain memory of everything accepted, with reordering, repeats and gaps.
#define MODEL_IDS 400000u
static void test_model(void)
{
	static uint8_t seen[MODEL_IDS];
	struct pktid_recv r = {0};
	uint32_t highest = 0, wrong = 0, base = 0;

	srand(1);
	while (base + 3 * W < MODEL_IDS) {
		uint32_t span = rand() % 50 ? 100 : 3 * W;
		uint32_t id = base + (uint32_t)rand() % span;
		bool want = id && !seen[id] && (id > highest || highest - id < W);

		wrong += pktid_accept(&r, id) != want;
		if (want)
			seen[id] = 1;
		if (want && id > highest)
			highest = id;
		base = highest > W + W / 4 ? highest - (uint32_t)rand() % (W + W / 4) : 0;
		if (rand() % 1000 == 0)
			base = highest + 3 * W;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void test_reserve(void)
{
	struct pktid_send s = {0};

	CU_ASSERT_EQUAL(pktid_reserve(&s, 1), 1);
	CU_ASSERT_EQUAL(pktid_reserve(&s, 32), 2);
	CU_ASSERT_EQUAL(pktid_reserve(&s, 1), 34);
	s.last = PKTID_MAX - 3;
	CU_ASSERT_EQUAL(pktid_reserve(&s, 4), 0); // one too many: nothing is taken
	CU_ASSERT_EQUAL(s.last, PKTID_MAX - 3);
	CU_ASSERT_EQUAL(pktid_reserve(&s, 3), PKTID_MAX - 2);
	CU_ASSERT_EQUAL(s.last, PKTID_MAX);
	CU_ASSERT_EQUAL(pktid_reserve(&s, 1), 0); // used up for good
	CU_ASSERT_EQUAL(pktid_reserve(&s, PKTID_MAX), 0);
	CU_ASSERT_EQUAL(s.last, PKTID_MAX);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"numbered verdicts", test_rows},
		{"window is exact in every position", test_every_position},
		{"agrees with a plain memory", test_model},
		{"reserve never wraps", test_reserve},
		{NULL, NULL},
	};

	return harness_run("pktid", tests);
}
