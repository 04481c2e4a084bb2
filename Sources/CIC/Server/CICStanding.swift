import CaseRouting
import Synchronization

/// Which server of a switchover pair the database names, as a `CICServer` was told last.
///
/// After a switchover the other server has other interactions, or not yet any. What it does not know has not ended. So
/// nothing is sent to a server that the watch has not written down, and the watch writes it down after its hold.
final class CICStanding: Sendable {
    struct Known: Sendable {
        /// Nil: nobody has told yet; then every server will do.
        var server: WatchedServer?
        /// Rises with every change.
        var changes = 0

        var isSettled: Bool { server.map { !$0.holds.contains(.switchover) } ?? false }
    }

    private let name: String
    private let state = Mutex(Known())

    init(name: String) { self.name = name }

    var known: Known { state.withLock { $0 } }

    func use(_ server: WatchedServer) {
        state.withLock { known in
            guard known.server != server else { return }
            known.server = server
            known.changes += 1
        }
    }

    /// Why nothing may be sent on this connection; nil when it may.
    func refusal(_ connection: ICWSConnection) -> RoutingReason? {
        guard let identity = known.server?.identity, identity != connection.server else { return nil }
        return RoutingReason(
            .cicUnreachable,
            "CIC server \(name) has switched over to \(connection.server); until it is found out which interactions came "
                + "along, nothing is done there.")
    }

    /// Why another host should be tried, where this connection's server is not the one in force.
    func deposition(_ connection: ICWSConnection) -> RoutingReason? {
        let known = known
        guard known.isSettled, let identity = known.server?.identity, identity != connection.server else { return nil }
        return RoutingReason(
            .cicUnreachable,
            "CIC server \(name): \(connection.host) goes on as \(connection.server), and \(identity) is the one in force; the "
                + "other hosts are tried.")
    }

    var switchingOver: RoutingReason {
        RoutingReason(
            .cicUnreachable, "CIC server \(name) has switched over; it is found out which interactions came along.")
    }
}

/// A CIC server as routing workers use it: while it is found out after a switchover which interactions came along, every
/// call is held, and an interaction that is gone counts as gone only if no switchover was noticed during the call.
///
/// The watch itself, which finds it out, uses the `CICServer`.
public struct GuardedCICServer: InteractionServer {
    let server: CICServer

    public init(_ server: CICServer) { self.server = server }

    public func create(
        _ attempt: AttemptID, _ attributes: InteractionAttributes
    ) async throws(RoutingFailure) -> InteractionID {
        _ = try begin(.create)
        return try await server.create(attempt, attributes)
    }

    public func assign(_ order: AssignOrder) async throws(RoutingFailure) -> AssignAnswer {
        let began = try begin(.move)
        let answer = try await server.assign(order)
        if answer == .gone { try end(began, .move) }
        return answer
    }

    public func disconnect(_ interaction: InteractionID, _ attempt: AttemptID) async throws(RoutingFailure) {
        _ = try begin(.disconnect)
        try await server.disconnect(interaction, attempt)
    }

    public func read(
        _ interaction: InteractionID, _ attempt: AttemptID
    ) async throws(RoutingFailure) -> InteractionReading {
        let began = try begin(.read)
        let reading = try await server.read(interaction, attempt)
        if reading == .gone { try end(began, .read) }
        return reading
    }

    public func findInHolding(_ episode: EpisodeKey) async throws(RoutingFailure) -> [FoundInteraction] {
        let began = try begin(.list)
        let found = try await server.findInHolding(episode)
        try end(began, .list)
        return found
    }

    /// False while nothing may be sent: an attempt that is opened and then not sent would have to be looked for, which
    /// takes until its deadline and longer.
    public func knows(workgroup: String, skills: String) -> Bool {
        server.standing.known.isSettled && server.knows(workgroup: workgroup, skills: skills)
    }

    public func resolve(workgroup: String, skills: String) async throws(RoutingFailure) -> ResolvedTarget {
        _ = try begin(.directory)
        // Names can be known without a session, and what is begun without one is begun for nothing.
        guard let connection = await server.session.connection else {
            throw await server.failures.held(.directory, server.session.reason)
        }
        if let refusal = server.standing.refusal(connection) { throw server.failures.held(.directory, refusal) }
        return try await server.resolve(workgroup: workgroup, skills: skills)
    }

    private func begin(_ operation: CICOperation) throws(RoutingFailure) -> Int {
        let known = server.standing.known
        // Not before anybody has told which server is in force.
        guard known.isSettled else {
            throw server.failures.held(operation, server.standing.switchingOver, mayHaveBeenSent: false)
        }
        return known.changes
    }

    private func end(_ began: Int, _ operation: CICOperation) throws(RoutingFailure) {
        guard server.standing.known.changes == began else {
            throw server.failures.held(operation, server.standing.switchingOver)
        }
    }
}
