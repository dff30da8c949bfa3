"""The program's memory: lists, hash tables, timers, as stack/base has them."""
import gdb

MOST = 1000000  # nodes of a list: one that is broken may have no end


def type_named(name):
    return gdb.lookup_type(name)


def offset_of(struct, path):
    """Of a member, 'a.b' of a member's member, in bytes."""
    here = type_named('struct ' + struct).strip_typedefs()
    offset = 0
    for name in path.split('.'):
        field = here[name]
        offset += field.bitpos // 8
        here = field.type.strip_typedefs()
    return offset


def at(address, struct):
    """The struct that lies there."""
    pointer = type_named('struct ' + struct).pointer()
    return gdb.Value(int(address)).cast(pointer).dereference()


def container_of(pointer, struct, path):
    return at(int(pointer) - offset_of(struct, path), struct)


def listed(head, struct, path):
    """The objects in a list whose head is the struct list `head`."""
    first = int(head.address)
    offset = offset_of(struct, path)
    node = head['next']
    for _ in range(MOST):
        if int(node) in (first, 0):
            return
        following = node['next']
        yield at(int(node) - offset, struct)
        node = following


def hashed(table, struct, path='node'):
    """The objects in a struct hash_table."""
    offset = offset_of(struct, path)
    if int(table['buckets']) == 0:
        return
    for i in range(int(table['bucket_count'])):
        node = table['buckets'][i]
        while int(node) != 0:
            following = node['next']
            yield at(int(node) - offset, struct)
            node = following


def read(address, length):
    if length <= 0:
        return b''
    memory = gdb.selected_inferior().read_memory(int(address), int(length))
    return bytes(memory)


def octets(array):
    """Of an array of bytes."""
    return bytes(int(array[i]) & 0xff for i in range(array.type.range()[1] + 1))


def text(pointer):
    return pointer.string() if int(pointer) != 0 else ''


def function_at(pointer):
    """The name of the function that a pointer points to."""
    block = gdb.block_for_pc(int(pointer))
    while block is not None and block.function is None:
        block = block.superblock
    return block.function.name if block is not None else hex(int(pointer))


def enum_names(enum, prefix):
    """{number: name without the prefix} of an enum."""
    fields = type_named('enum ' + enum).fields()
    return {field.enumval: field.name[len(prefix):] for field in fields}


def frames_outward():
    """The stack of calls, the innermost first; nothing without a process."""
    try:
        frame = gdb.newest_frame()
    except gdb.error:
        return
    while frame is not None and frame.is_valid():
        yield frame
        try:
            frame = frame.older()
        except gdb.error:
            return


def variables_named(*names):
    """Of the calls, innermost first: (name, value) where they can be read."""
    for frame in frames_outward():
        for name in names:
            try:
                value = frame.read_var(name)
            except (ValueError, gdb.error):
                continue
            if not value.is_optimized_out:
                yield name, value


def pointers_to(struct, *names):
    """The same of those that are pointers to a struct, and point somewhere."""
    for _, value in variables_named(*names):
        kind = value.type.strip_typedefs()
        if kind.code != gdb.TYPE_CODE_PTR:
            continue
        if kind.target().unqualified().tag != struct:
            continue
        try:
            value.dereference().fetch_lazy()
            if int(value) != 0:
                yield value.dereference()
        except gdb.error:
            continue


def argument(name):
    """Of the function that has just been entered, which may have begun with
    one that is inlined."""
    for _, value in variables_named(name):
        return value
    raise gdb.GdbError('%s cannot be read here' % name)
