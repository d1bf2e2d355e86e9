#!/bin/sh
# python.sh: makes the base image's python3 the Python of tasks, or ends when it is not PYTHON_VERSION.
set -eu

have=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if [ "$have" != "$PYTHON_VERSION" ]; then
  echo "the base image has Python $have and PYTHON_VERSION is $PYTHON_VERSION: build on one that has it" \
    "(Ubuntu 24.04 has 3.12), or set PYTHON_VERSION=$have for a worker whose tasks get that" >&2
  exit 1
fi
[ "$PYTHON_VERSION" = 3.12 ] || echo "WARNING: tasks get Python $have; the platform is made for 3.12" >&2
ln -sf python3 /usr/bin/python
# pip may install for the user, which is the workspace: the system is read-only where tasks run
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
