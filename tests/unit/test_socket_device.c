/*
 * SO_REUSEPORT, SO_BINDTODEVICE and SO_BINDTOIFINDEX as options: lengths,
 * errors, what is told. All was measured on Linux 6.18.
 */
#include "unit.h"

#include "socket/socket_kind.h"
#include "stacks.h"

#include <errno.h>

struct fixture {
    struct memory memory;
    struct stack *stack;
    socket_id id;
};

static void open_socket(struct fixture *f, int type)
{
    memory_init(&f->memory, SIZE_MAX);

    struct stack_config config = test_config(&f->memory);

    ck_assert_int_eq(stack_create(&config, 0, &f->stack), 0);
    ck_assert_int_eq(stack_socket(f->stack, 0, AF_INET, type, 0, &f->id), 0);
}

static void close_stack(struct fixture *f)
{
    stack_destroy(f->stack);
    ck_assert_uint_eq(f->memory.used, 0);
}

static int set(struct fixture *f, int name, const void *value, size_t len)
{
    return stack_set_option(f->stack, 0, f->id, SOL_SOCKET, name,
                            bytes_of(value, len));
}

static int set_int(struct fixture *f, int name, int value)
{
    return set(f, name, &value, sizeof(value));
}

static int get_int(struct fixture *f, int name)
{
    int value = -1;
    size_t len = sizeof(value);

    ck_assert_int_eq(
        stack_get_option(f->stack, 0, f->id, SOL_SOCKET, name, &value, &len),
        0);
    return value;
}

static int get_device(struct fixture *f, char *name, size_t *len)
{
    return stack_get_option(f->stack, 0, f->id, SOL_SOCKET, SO_BINDTODEVICE,
                            name, len);
}

START_TEST(a_device_is_named)
{
    char name[64] = "";
    size_t len = sizeof(name);
    struct fixture f;

    open_socket(&f, SOCK_DGRAM);
    ck_assert_int_eq(get_device(&f, name, &len), 0);
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(set(&f, SO_BINDTODEVICE, "nope", 4), -ENODEV);
    ck_assert_int_eq(set(&f, SO_BINDTODEVICE, "lo", 2), 0);
    len = IFACE_NAME_MAX;
    ck_assert_int_eq(get_device(&f, name, &len), 0);
    ck_assert_uint_eq(len, 3);
    ck_assert_str_eq(name, "lo");
    len = IFACE_NAME_MAX - 1;
    ck_assert_int_eq(get_device(&f, name, &len), -EINVAL);
    ck_assert_int_eq(get_int(&f, SO_BINDTOIFINDEX), 1);
    ck_assert_int_eq(set(&f, SO_BINDTODEVICE, "", 0), 0);
    ck_assert_int_eq(get_int(&f, SO_BINDTOIFINDEX), 0);
    ck_assert_int_eq(set(&f, SO_BINDTODEVICE, "lo\0 and more than a name", 24),
                     0);
    close_stack(&f);
}
END_TEST

START_TEST(a_device_is_numbered_and_need_not_be_there)
{
    char name[64];
    size_t len = sizeof(name);
    struct fixture f;

    open_socket(&f, SOCK_STREAM);
    ck_assert_int_eq(set_int(&f, SO_BINDTOIFINDEX, -1), -EINVAL);
    ck_assert_int_eq(set_int(&f, SO_BINDTOIFINDEX, 999), 0);
    ck_assert_int_eq(get_device(&f, name, &len), -ENODEV);
    ck_assert_int_eq(set_int(&f, SO_BINDTOIFINDEX, 0), 0);
    close_stack(&f);
}
END_TEST

START_TEST(reuseport_is_remembered)
{
    struct fixture f;

    open_socket(&f, SOCK_STREAM);
    ck_assert_int_eq(get_int(&f, SO_REUSEPORT), 0);
    ck_assert_int_eq(set_int(&f, SO_REUSEPORT, 7), 0);
    ck_assert_int_eq(get_int(&f, SO_REUSEPORT), 1);
    close_stack(&f);
}
END_TEST

UNIT_MAIN("socket device", a_device_is_named,
          a_device_is_numbered_and_need_not_be_there, reuseport_is_remembered)
