#if DEBUG
    import Glibc
    import Synchronization

    /// A named point in the protocol at which a process of a fault campaign counts that it came past, and ends or stands
    /// still when it is told to.
    ///
    /// Told and counted in a file named after the process id, in the directory that `CASE_ROUTER_FAILPOINTS` names;
    /// without that nothing happens. In release builds the function is empty, and neither it nor a name remains.
    public func failpoint(_ name: StaticString) { PassageBoard.own?.pass(name) }

    /// The file, mapped into memory: what is counted there outlives a `kill -9`.
    ///
    /// 64 bytes a point: the name with zeros up to byte 40; how often it was passed; at which passage it strikes, 0 for
    /// never; and the signal that the process sends itself then. Another process writes the last two.
    // Sendable is unchecked because the mapping is one for the whole life of the process, and `slots` guards who writes.
    private final class PassageBoard: @unchecked Sendable {
        static let own = PassageBoard()

        private static let slotSize = 64
        private static let nameSize = 40
        private static let most = 128

        private let memory: UnsafeMutableRawPointer
        private let slots = Mutex<[String: Int]>([:])

        private init?() {
            guard let directory = getenv("CASE_ROUTER_FAILPOINTS") else { return nil }
            let path = String(cString: directory) + "/\(getpid())"
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { return nil }
            defer { close(descriptor) }
            let size = Self.slotSize * Self.most
            guard ftruncate(descriptor, off_t(size)) == 0,
                let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), memory != MAP_FAILED
            else { return nil }
            self.memory = memory
        }

        func pass(_ name: StaticString) {
            slots.withLock { slots in
                let text = name.description
                let index = slots[text] ?? slots.count
                guard index < Self.most else { return }
                let slot = memory + index * Self.slotSize
                if slots[text] == nil {
                    slots[text] = index
                    slot.copyMemory(from: name.utf8Start, byteCount: min(name.utf8CodeUnitCount, Self.nameSize - 1))
                }
                let passed = slot.load(fromByteOffset: 40, as: UInt64.self) + 1
                slot.storeBytes(of: passed, toByteOffset: 40, as: UInt64.self)
                let strikesAt = slot.load(fromByteOffset: 48, as: UInt64.self)
                guard strikesAt != 0, passed >= strikesAt else { return }
                slot.storeBytes(of: 0, toByteOffset: 48, as: UInt64.self)
                kill(getpid(), Int32(slot.load(fromByteOffset: 56, as: UInt64.self)))
            }
        }
    }
#else
    /// Empty: fault campaigns run debug builds.
    @inlinable @inline(__always) public func failpoint(_ name: StaticString) {}
#endif
