import CaseRouting

/// Where holds are kept. Errors are of kind `own`, or `configuration` when a right is missing.
public protocol PauseStore: Sendable {
    func holds() async throws(RoutingFailure) -> [PlacedHold]

    /// Places the hold and its audit row in one transaction. False: it was paused already, and nothing was changed.
    func pause(_ target: PauseTarget, why: String, by author: Author) async throws(RoutingFailure) -> Bool

    /// Removes the hold and writes its audit row. False: it was not paused.
    func resume(_ target: PauseTarget, by author: Author) async throws(RoutingFailure) -> Bool

    /// Cases that wait behind this hold.
    func waiting(behind target: PauseTarget) async throws(RoutingFailure) -> Int
}

/// `pause` and `resume`: an org, a CIC server or one workgroup is not worked on while a person wants it so.
///
/// Workers ask for holds in the very statements that claim cases, so that both take effect with the next claim. What is
/// in hand at that moment is finished. Changes go on to be taken from Salesforce; nothing is lost and nothing counts as a
/// failed attempt.
public struct Pauses: Sendable {
    private let store: any PauseStore
    private let configuration: any ConfigurationStore

    /// Longest reason, in characters: a line of `status`.
    public static let longestReason = 200

    public init(store: any PauseStore, configuration: any ConfigurationStore) {
        self.store = store
        self.configuration = configuration
    }

    public func pause(_ text: String, why: String, by author: Author) async throws -> PauseTarget {
        let target = try PauseTarget(text)
        guard !why.allSatisfy(\.isWhitespace), why.count <= Self.longestReason, !why.contains(where: \.isNewline) else {
            throw Refusal(
                .usage, "--why has to be one line of 1 to \(Self.longestReason) characters: others read it in status")
        }
        try await check(target)
        guard try await store.pause(target, why: why, by: author) else {
            let hold = try await store.holds().first { $0.target == target.description && $0.reason == .paused }
            let known = hold.map { ": since \($0.since.inSentence) by \($0.placedBy), \($0.detail.quoted)" } ?? ""
            throw Refusal(.notDone, "\(target) is paused already\(known)")
        }
        return target
    }

    /// - Returns: what was resumed, how many cases waited behind it, and what else still holds it.
    public func resume(
        _ text: String, by author: Author
    ) async throws -> (target: PauseTarget, waiting: Int, others: [PlacedHold]) {
        let target = try PauseTarget(text)
        let waiting = try await store.waiting(behind: target)
        let isResumed = try await store.resume(target, by: author)
        let holds = try await store.holds()
        let others = holds.filter { $0.target == target.description }
        if isResumed { return (target, waiting, others) }
        if let other = others.first {
            throw Refusal(
                .notDone,
                "\(target) is not paused; it is on hold since \(other.since.inSentence) (\(other.reason.rawValue): \(other.detail)), which "
                    + "ends by itself when its cause does: caserouter status")
        }
        let paused = holds.filter { $0.reason == .paused }.map(\.target)
        if paused.isEmpty { try await check(target) }
        throw Refusal(
            .notDone,
            "\(target) is not paused; "
                + (paused.isEmpty ? "nothing is" : "paused are: \(paused.joined(separator: ", "))"))
    }

    private func check(_ target: PauseTarget) async throws {
        let stored = try await configuration.load()
        let known: [String] =
            switch target.kind {
            case .org: stored.orgs.map(\.name)
            case .cic: stored.servers.map(\.name)
            case .workgroup: Array(Set(stored.mappings.map { "\($0.setup.cic)/\($0.setup.workgroup)" })).sorted()
            }
        guard known.contains(target.name) else {
            let what =
                switch target.kind {
                case .org: "org"
                case .cic: "CIC server"
                case .workgroup: "mapped workgroup"
                }
            throw Refusal.unknown(what, target.name, among: known)
        }
    }
}
