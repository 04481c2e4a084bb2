import Foundation

/// The product's workers during a demo, and their accidents.
actor Crew {
    /// How long a worker that was killed stays away.
    static let absence = Duration.seconds(2)

    private let product: Product
    private var workers: [(role: Product.Role, number: Int, child: ChildProcess)] = []

    init(product: Product) { self.product = product }

    /// Labels and process ids.
    var processes: [(label: String, pid: Int32)] { workers.map { ("\($0.role.rawValue)-\($0.number)", $0.child.pid) } }

    var roles: [(role: Product.Role, number: Int)] { workers.map { ($0.role, $0.number) } }

    func start() async throws {
        for role in Product.Role.allCases {
            for number in 1...role.count {
                workers.append((role, number, try await product.start(role, number)))
            }
        }
    }

    /// Kills a worker as a power cut would, and starts it again two seconds later.
    func replace(_ role: Product.Role, _ number: Int) async throws {
        guard let index = workers.firstIndex(where: { $0.role == role && $0.number == number }) else { return }
        kill(workers[index].child.pid, SIGKILL)
        Terminal.line("Killed \(role.rawValue)-\(number)")
        try await Task.sleep(for: Self.absence)
        workers[index].child = try await product.start(role, number)
        Terminal.line("Started \(role.rawValue)-\(number) again: pid \(workers[index].child.pid)")
    }

    /// A worker that ended although nobody asked it to.
    func missing() -> String? {
        for worker in workers {
            if let code = worker.child.exitCode(), code != 128 + SIGKILL {
                return "\(worker.role.rawValue)-\(worker.number) ended with \(code)"
            }
        }
        return nil
    }
}
