import Foundation

/// Where the programs are that a run needs.
enum Executables {
    /// This very program, to be started again as a simulator or a guard.
    static func own() throws -> String { try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") }

    /// The product's program, which the build puts beside this one.
    static func product() throws -> String {
        let path = URL(fileURLWithPath: try own()).deletingLastPathComponent().appending(path: "caserouter").path
        guard access(path, X_OK) == 0 else { throw RunFailure("\(path) is missing: swift build --product caserouter") }
        return path
    }

    /// A program of PostgreSQL. Debian keeps them apart by version, out of the path; the newest is taken.
    static func postgres(_ name: String) throws -> String {
        let root = "/usr/lib/postgresql"
        // Without the folder nothing of Debian's is installed, which the message below says.
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.compactMap { Int($0) }.filter { $0 >= 15 }.max()
        guard let newest, access("\(root)/\(newest)/bin/\(name)", X_OK) == 0 else {
            throw RunFailure("PostgreSQL 15 or later is missing: apt-get install postgresql")
        }
        return "\(root)/\(newest)/bin/\(name)"
    }

    /// RabbitMQ's own script: Debian's wrapper in the path insists on the user and the places of the service.
    static func broker() throws -> String {
        let path = "/usr/lib/rabbitmq/bin/rabbitmq-server"
        guard access(path, X_OK) == 0 else { throw RunFailure("RabbitMQ is missing: apt-get install rabbitmq-server") }
        return path
    }

    static func portMapper() throws -> String {
        let places = ["/usr/bin/epmd", "/usr/lib/erlang/bin/epmd"]
        guard let path = places.first(where: FileManager.default.isExecutableFile(atPath:)) else {
            throw RunFailure("Erlang's port mapper is missing: apt-get install erlang-base")
        }
        return path
    }

    /// The environment a process starts with. Built anew, because what the caller's shell happens to hold must not decide.
    static func environment(home: String) -> [String: String] {
        [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": home, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC",
        ]
    }
}
