/*
 * Several numbers for one open file, and the end of the last one.
 *
 * The lock is not held.
 */
#ifndef TAPIR_HOST_DUP_H
#define TAPIR_HOST_DUP_H

#include "base/bytes.h"

#include <stdbool.h>

struct file;

/*
 * `to` stands for the file of `from`, too; what it stood for is closed. `to`;
 * -EBADF, -ENOMEM, -ENETDOWN in a child of vfork.
 */
MUST_CHECK int dup_to(int from, int to, bool is_cloexec);
/*
 * The least free number from `least` on stands for the file of `fd`, too.
 * -EBADF, -EINVAL `least` out of range, -EMFILE, -ENOMEM, -ENETDOWN.
 */
MUST_CHECK int dup_from(int fd, int least, bool is_cloexec);
/*
 * A reference that was a number's goes. If the file has no number any more it
 * is closed: its waiters are told, its connection ends, SO_LINGER is waited
 * for.
 */
void file_end(struct file *file);

#endif
