import Foundation

/// A file system for the data of one server, small enough to be filled: in memory, which makes writing it through free.
struct SmallDisk {
    /// For PostgreSQL: data and log of a campaign take a quarter of it.
    private static let megabytes = 384

    let path: String

    private var ballast: String { path + "/ballast" }

    /// Mounts one over an empty folder.
    ///
    /// - Throws: where that is not allowed, which is nearly everywhere to root and nowhere to others.
    static func mount(over path: String, in run: RunDirectory) async throws -> SmallDisk {
        do {
            try await run.run(
                "mount", ["/usr/bin/mount", "-t", "tmpfs", "-o", "size=\(megabytes)m,mode=0700", "caserouter", path],
                environment: Executables.environment(home: "/tmp"))
        } catch {
            throw RunFailure(
                "database-disk-full needs a small file system, which only root may mount, and not in every container; "
                    + "leave the kind out here: \(error)")
        }
        return SmallDisk(path: path)
    }

    /// Takes what lies in the folder away, if it is a file system of its own. Nobody may use it any more.
    static func unmount(_ path: String) throws {
        var (status, above) = (stat(), stat())
        guard stat(path, &status) == 0, stat(path + "/..", &above) == 0, status.st_dev != above.st_dev else { return }
        guard umount2(path, Int32(MNT_DETACH)) == 0 else {
            throw RunFailure("\(path) cannot be unmounted: \(String(cString: strerror(errno)))")
        }
    }

    /// Leaves no room.
    func fill() throws {
        let file = open(ballast, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw RunFailure("\(ballast): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        // Ever smaller pieces, each until there is no room for one more.
        var size = off_t(0)
        for piece in [1 << 24, 1 << 20, 1 << 16, 1 << 12] as [off_t] {
            while posix_fallocate(file, size, piece) == 0 { size += piece }
        }
    }

    /// Gives the room back.
    func clear() { unlink(ballast) }
}
