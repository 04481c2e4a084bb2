import CaseRouting

/// Leases of simulated processes; the time is the simulation's.
public struct MemoryLeases: Leases {
    let shared: SharedTables
    let life: Life
    let owner: String

    public init(_ shared: SharedTables, life: Life, owner: String) {
        self.shared = shared
        self.life = life
        self.owner = owner
    }

    public func take(_ kind: Lease.Kind, _ name: String) async throws(RoutingFailure) -> Lease? {
        try await shared.statement(life, isNothing: { $0 == nil }) { $0.take(kind, name, owner: owner) }
    }

    public func release(_ lease: Lease) async throws(RoutingFailure) {
        try await shared.statement(life) { $0.give(back: lease, owner: owner) }
    }
}
