// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What can be known of a PCI port without a NIC: what is said before DPDK gets to see it, on a
// directory made to look like sysfs.

#include "dataplane/tests/harness.h"
#include "drivers/port_ops.h"

#include <CUnit/Basic.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/slpciXXXXXX";

static const struct {
	const char *address, *driver; // NULL: no such device; "": no driver
	int ret;
	const char *text;
} rows[] = {
	{"0000:3b:00.0", "vfio-pci", 0, ""},
	{"0000:3b:00.1", "mlx5_core", 0, ""},
	{"0000:3b:00.2", "uio_pci_generic", 0, ""},
	{"0000:3b:00.3", "igb_uio", 0, ""},
	{"0000:3b:00.4", "ixgbe", -EBUSY,
		"0000:3b:00.4: held by driver \"ixgbe\": dpdk-devbind.py --bind=vfio-pci 0000:3b:00.4"},
	{"0000:3b:00.5", "", -EBUSY,
		"0000:3b:00.5: has no driver: dpdk-devbind.py --bind=vfio-pci 0000:3b:00.5"},
	{"0000:3b:00.6", NULL, -ENODEV, "0000:3b:00.6: no such PCI device (lspci -D)"},
	{"enp59s0", NULL, -EINVAL, "enp59s0: expected a PCI address like 0000:3b:00.0"},
	// Becomes an argument of DPDK.
	{"0000:3b:00.0,x=1", NULL, -EINVAL, "expected a PCI address like 0000:3b:00.0"},
};

static void device_make(const char *address, const char *driver)
{
	char path[128], target[64];

	snprintf(path, sizeof(path), "%s/%s", dir, address);
	CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
	if (!driver[0])
		return;
	snprintf(path, sizeof(path), "%s/%s/driver", dir, address);
	snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", driver);
	CU_ASSERT_EQUAL_FATAL(symlink(target, path), 0);
}

static void device_remove(const char *address)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s/driver", dir, address);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s", dir, address);
	rmdir(path);
}

// What port_pci_check() logs goes to text.
static int check(const char *address, char *text, size_t size)
{
	int saved = dup(STDERR_FILENO), ret;
	FILE *f = tmpfile();

	CU_ASSERT_FATAL(f && saved >= 0);
	dup2(fileno(f), STDERR_FILENO);
	ret = port_pci_check(dir, address);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	text[fread(text, 1, size - 1, f)] = '\0';
	fclose(f);
	return ret;
}

static void test_drivers(void)
{
	char text[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].driver)
			device_make(rows[i].address, rows[i].driver);
		CU_ASSERT_EQUAL(check(rows[i].address, text, sizeof(text)), rows[i].ret);
		if (!strstr(text, rows[i].text))
			fprintf(stderr, "row %zu: %s\n", i, text);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, rows[i].text));
		CU_ASSERT_EQUAL(text[0] == '\0', rows[i].ret == 0);
		if (rows[i].driver)
			device_remove(rows[i].address);
	}
}

// It takes the kind's checks, not only the function's.
static void test_open(void)
{
	struct port_conf conf = {.kind = PORT_PCI, .side = PORT_LINK, .queues = 1};
	struct port_slot slot = {0};

	snprintf(conf.name, sizeof(conf.name), "ffff:ff:1f.7");
	CU_ASSERT_EQUAL(port_pci_ops.prepare(&conf, &slot), -ENODEV);
	snprintf(conf.name, sizeof(conf.name), "eth0");
	CU_ASSERT_EQUAL(port_pci_ops.prepare(&conf, &slot), -EINVAL);
	CU_ASSERT_STRING_EQUAL(slot.pub.device, "");
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"drivers", test_drivers},
		{"prepare", test_open},
		{NULL, NULL},
	};
	int ret;

	if (!mkdtemp(dir))
		return 1;
	ret = harness_run("port_pci", tests);
	rmdir(dir);
	return ret;
}
