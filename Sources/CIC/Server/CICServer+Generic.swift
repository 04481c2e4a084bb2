import CaseRouting
import JSON

/// Generic interactions, by ICWS alone; `icws.md` 4.1 to 4.4. What rests on assumptions is in `docs/guarantees.md`.
extension CICServer {
    func createGeneric(
        _ attempt: AttemptID, _ content: CreationAttributes, until deadline: Duration
    ) async throws(RoutingFailure) -> InteractionID {
        // No number: it counts as 0, and a release that sets the attributes of a creation late would put a 0 in the place of
        // the one that a move has written by then.
        let pairs = content.pairs + [(InteractionAttribute.attempt, attempt.description)]
        let body = JSONWriter.object(capacity: 1024) { object in
            object.write("__type", "urn:inin.com:interactions:createGenericInteractionParameters")
            object.object("queueId") { ICWSQueue(place: settings.holdingWorkgroup).write(to: &$0) }
            // Offering, incoming, from outside to inside: as the vendor's own integration creates them.
            object.write("initialState", 5)
            object.write("interactionDirection", 1)
            object.write("localPartyType", 1)
            object.write("remotePartyType", 2)
            object.write("remoteName", content.visibleName)
            object.object("additionalAttributes") { attributes in
                for (name, value) in pairs { attributes.write(name, value) }
            }
        }
        let answer = try await call(
            .create, ICWSRequest(.post, "interactions", body: body, isRepeatable: false), until: deadline)
        guard answer.isSuccess else { throw failures.failure(.create, answer) }
        let interaction: InteractionID
        do {
            interaction = try Self.createdInteraction(answer.body)
        } catch {
            throw failures.malformed(.create, answer, error.description)
        }
        do {
            try await ensure(pairs, on: interaction, until: deadline)
        } catch {
            // It exists and nobody could find it again; in holding it harms nobody, and what is there for long is
            // reported. Whether its attributes are set is not known.
            throw RoutingFailure(
                .unknown, at: .create, cause: error.cause, error.summary, response: error.response)
        }
        if await session.connection?.generation == answer.generation { remember(interaction, attempt) }
        return interaction
    }

    static func createdInteraction(_ body: [UInt8]) throws(JSONError) -> InteractionID {
        try JSONReader.decode(body) { reader in
            var id: String?
            try reader.object { key, reader in
                if case "interactionId" = key { id = try reader.string() }
            }
            let text = try reader.required(id, "interactionId")
            guard !text.isEmpty, text.utf8.count <= ICWSMessageReader.longestID else {
                throw reader.invalid("an interaction id")
            }
            return InteractionID(text)
        }
    }

    /// Some releases ignore the attributes of a creation, or set them late: asks, and sets what is missing.
    private func ensure(
        _ pairs: [(name: String, value: String)], on interaction: InteractionID, until deadline: Duration
    ) async throws(RoutingFailure) {
        let names = pairs.map(\.name)
        guard let found = try await attributes(of: interaction, names, .setAttributes, until: deadline) else {
            throw failures.failure(
                .transient, .setAttributes, .attributesMissing, "the interaction was gone right after its creation")
        }
        let missing = pairs.filter { found[$0.name] != $0.value && !($0.value.isEmpty && found[$0.name] == nil) }
        guard !missing.isEmpty else { return }
        guard try await setAttributes(missing, on: interaction, until: deadline) else {
            throw failures.failure(
                .transient, .setAttributes, .attributesMissing, "the interaction was gone right after its creation")
        }
        let again = try await attributes(
            of: interaction, [InteractionAttribute.attempt], .setAttributes, until: deadline)
        guard
            again?[InteractionAttribute.attempt]
                == pairs.first(where: { $0.name == InteractionAttribute.attempt })?.value
        else {
            throw failures.failure(
                .transient, .setAttributes, .attributesMissing, "the attributes of an interaction cannot be set")
        }
    }

    /// False: it does not exist.
    private func setAttributes(
        _ pairs: [(name: String, value: String)], on interaction: InteractionID, until deadline: Duration
    ) async throws(RoutingFailure) -> Bool {
        let body = JSONWriter.object { object in
            object.object("attributes") { attributes in
                for (name, value) in pairs { attributes.write(name, value) }
            }
        }
        let answer = try await call(
            .setAttributes, ICWSRequest(.post, Self.path(interaction), body: body), until: deadline)
        if answer.status == 404 { return false }
        guard answer.isSuccess else { throw failures.failure(.setAttributes, answer) }
        return true
    }

    // MARK: Placing

    func assignGeneric(_ order: AssignOrder, until deadline: Duration) async throws(RoutingFailure) -> AssignAnswer {
        guard order.target.skills.isEmpty else {
            throw RoutingFailure(
                .configuration, at: .assign, cause: .skillsNotSupported,
                "CIC server \(settings.name) creates generic interactions, which cannot require skills.")
        }
        let isFresh = takeFresh(order.interaction, order.attempt)
        if !isFresh {
            switch try await reading(order.interaction, order.attempt, .setAttributes, until: deadline) {
            case .gone: return .gone
            case .alive(let isWithAgent, _, let inForce, let workgroup):
                if inForce >= order.number { return .stale(inForce: inForce) }
                // Already there: it stays, unless it is to be taken back from an agent. Where a server does not say from
                // where an agent took it, one that is not to be taken back stays as well.
                let isThere = workgroup == order.target.workgroup || workgroup == nil && isWithAgent
                if isThere && !(isWithAgent && order.takesBack) {
                    return try await number(order, isFresh, until: deadline)
                }
            }
        }
        let body = JSONWriter.object { object in
            object.object("queueID") { ICWSQueue(place: order.target.workgroup).write(to: &$0) }
        }
        let path = Self.path(order.interaction) + "/blind-transfer"
        let answer = try await call(
            .move, ICWSRequest(.post, path, body: body, isRepeatable: false), until: deadline)
        if answer.status == 404 { return .gone }
        guard answer.isSuccess else { throw failures.failure(.move, answer) }
        do {
            // Its agent may have ended it right before, and while it is still listed a server may accept both the move and the
            // number, which would then tell of a move that was not carried out.
            if !isFresh,
                try await reading(order.interaction, order.attempt, .setAttributes, until: deadline) == .gone
            {
                return .gone
            }
            return try await number(order, isFresh, until: deadline)
        } catch {
            // Moved, and not numbered: to be looked at before anything is repeated.
            throw RoutingFailure(
                .unknown, at: .assign, cause: error.cause, error.summary, response: error.response)
        }
    }

    /// Writes the number that is in force now. It is set after the move, so that a number never tells of a move that
    /// was not carried out. In whose own queue it lies is written with it.
    private func number(
        _ order: AssignOrder, _ isFresh: Bool, until deadline: Duration
    ) async throws(RoutingFailure) -> AssignAnswer {
        var pairs = [
            (name: InteractionAttribute.assign, value: String(order.number)),
            (name: InteractionAttribute.priority, value: HandlerText.sound(order.priority)),
        ]
        let own = UserQueue(place: order.target.workgroup)?.user ?? ""
        if !isFresh || !own.isEmpty { pairs.append((name: InteractionAttribute.userQueue, value: own)) }
        do {
            return try await setAttributes(pairs, on: order.interaction, until: deadline) ? .assigned : .gone
        } catch  where error.kind == .transient {
            return try await setAttributes(pairs, on: order.interaction, until: deadline) ? .assigned : .gone
        }
    }

    // MARK: Ending

    func disconnectGeneric(
        _ interaction: InteractionID, _ attempt: AttemptID, until deadline: Duration
    ) async throws(RoutingFailure) {
        if !takeFresh(interaction, attempt) {
            if try await reading(interaction, attempt, .disconnect, until: deadline) == .gone { return }
        }
        let answer = try await call(
            .disconnect, ICWSRequest(.post, Self.path(interaction) + "/disconnect"), until: deadline)
        // Not there any more: that is what was asked for.
        guard answer.isSuccess || answer.status == 404 else { throw failures.failure(.disconnect, answer) }
    }

    // MARK: Fresh interactions

    private static let maximumFresh = 4_096

    /// What this connection has just created and verified is ours without asking, and still in holding with number 0.
    private func remember(_ interaction: InteractionID, _ attempt: AttemptID) {
        let now = clock.monotonic
        if fresh.count >= Self.maximumFresh { fresh = fresh.filter { now - $0.value.at < limits.freshness } }
        guard fresh.count < Self.maximumFresh else { return }
        fresh[interaction] = Fresh(attempt: attempt, at: now)
    }

    /// Once only: after the first order to it, it is looked at before the next.
    private func takeFresh(_ interaction: InteractionID, _ attempt: AttemptID) -> Bool {
        guard let found = fresh.removeValue(forKey: interaction) else { return false }
        return found.attempt == attempt && clock.monotonic - found.at < limits.freshness
    }
}
