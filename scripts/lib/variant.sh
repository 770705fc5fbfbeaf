#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# variant.sh DIR [MESON OPTION]...: a build of its own, with the compiler of the environment.
set -euo pipefail
SLUICE_TOP=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
. "$SLUICE_TOP/scripts/lib/common.sh"
. "$SLUICE_TOP/scripts/lib/build.sh"
build_dir "$@"
