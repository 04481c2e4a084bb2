import CaseRouting
import JSON

/// Interactions by the handler of `docs/cic-handler.md`: every request is a custom notification, every answer comes as a
/// message of the session, or not at all.
extension CICServer {
    static let handlerObject = "CaseRouter"
    private static let contractVersion = "1"
    private static let answersSubscription = "answers"

    /// Subscribes to the answers; they are told apart from those of other processes by the event id.
    func listenForAnswers() async {
        guard settings.creation == .handler else { return }
        let body = JSONWriter.object { object in
            object.array("headers") { headers in
                headers.object { header in
                    header.write("objectId", Self.handlerObject)
                    header.write("eventIds", [replyEvent])
                }
            }
        }
        await session.subscribe(
            Self.answersSubscription, path: "messaging/subscriptions/system/handler-sent-notifications", body: body)
    }

    func answered(_ object: String, _ event: String, _ data: [String]) {
        // CIC keeps what it was given; whether it ever changes the case of it is not written anywhere.
        let isOurs =
            event == replyEvent && object == Self.handlerObject
            || event.lowercased() == replyEvent.lowercased() && object.lowercased() == Self.handlerObject.lowercased()
        if isOurs { exchanges.received(data) }
    }

    func createByHandler(
        _ attempt: AttemptID, _ content: CreationAttributes, until deadline: Duration
    ) async throws(RoutingFailure) -> InteractionID {
        var data = [attempt.description, settings.holdingWorkgroup]
        for (name, value) in content.pairs { data += [name, value] }
        data += [InteractionAttribute.visibleName, content.visibleName]
        let answer = try await ask(.create, data, attempt, until: deadline)
        guard case .created(let interaction) = answer else { throw unexpected(.create) }
        return interaction
    }

    func assignByHandler(_ order: AssignOrder, until deadline: Duration) async throws(RoutingFailure) -> AssignAnswer {
        let data = [
            order.attempt.description, order.interaction.description, String(order.number), order.target.workgroup,
            order.target.skills.joined(separator: ";"), HandlerText.sound(order.priority), order.takesBack ? "1" : "0",
            "",
        ]
        let answer = try await ask(
            .assign, data, order.attempt, order.interaction, number: order.number, until: deadline)
        switch answer {
        case .assigned: return .assigned
        case .stale(let inForce): return .stale(inForce: inForce)
        case .gone: return .gone
        default: throw unexpected(.assign)
        }
    }

    func disconnectByHandler(
        _ interaction: InteractionID, _ attempt: AttemptID, until deadline: Duration
    ) async throws(RoutingFailure) {
        let data = [attempt.description, interaction.description]
        switch try await ask(.disconnect, data, attempt, interaction, until: deadline) {
        case .disconnected, .gone: return
        default: throw unexpected(.disconnect)
        }
    }

    /// Asks the handler for a sign of life: the contract version that it speaks. For `doctor` and health.
    public func ping(nonce: UInt64) async throws(RoutingFailure) -> String {
        let nonce = String(nonce, radix: 36)
        let key = HandlerExchanges.Key(operation: .ping, attempt: nonce, number: 0)
        let answer = try await ask(key, [nonce], nil, until: clock.monotonic + limits.call)
        guard case .pong(let version) = answer else { throw unexpected(.ping) }
        return version
    }

    private func ask(
        _ operation: HandlerOperation, _ data: [String], _ attempt: AttemptID, _ interaction: InteractionID? = nil,
        number: Int64 = 0, until deadline: Duration
    ) async throws(RoutingFailure) -> HandlerExchanges.Answer {
        let key = HandlerExchanges.Key(operation: operation, attempt: attempt.description, number: number)
        return try await ask(key, data, interaction, until: deadline)
    }

    private func ask(
        _ key: HandlerExchanges.Key, _ data: [String], _ interaction: InteractionID?, until deadline: Duration
    ) async throws(RoutingFailure) -> HandlerExchanges.Answer {
        let operation = CICOperation.notification(key.operation)
        let data = [Self.contractVersion, replyEvent] + data
        guard data.count <= HandlerText.maximumStrings, data.allSatisfy(HandlerText.isSound) else {
            throw failures.failure(
                .permanent, operation, .cicRefused, "the request holds what may not be sent to a handler",
                mayHaveBeenSent: false)
        }
        guard await session.confirmed.contains(Self.answersSubscription) else {
            throw await failures.held(
                operation,
                session.connection == nil
                    ? session.reason
                    : RoutingReason(
                        .cicUnreachable, "CIC server \(settings.name) does not yet deliver the handler's answers."),
                mayHaveBeenSent: false)
        }
        let awaited = exchanges.expect(key, interaction)
        defer { exchanges.forget(key, awaited) }
        let body = JSONWriter.object(capacity: 1024) { object in
            object.write("objectId", Self.handlerObject)
            object.write("eventId", key.operation.rawValue)
            object.write("data", data)
        }
        let request = ICWSRequest(
            .post, "system/handler-notification", body: body, isRepeatable: !operation.isUnrepeatable)
        do {
            let answer = try await session.call(request, until: deadline, admitting: standing.refusal)
            guard answer.isSuccess else { throw failures.failure(operation, answer) }
        } catch let error as RoutingFailure {
            throw error
        } catch let error as ICWSCallError {
            guard case .transport(let error) = error, error.mayHaveBeenSent else {
                throw failures.failure(operation, error)
            }
            // The notification may have come through, and then its answer comes as well.
        } catch {
            preconditionFailure("a call throws nothing else")
        }
        guard let answer = await awaited.wait(deadline - clock.monotonic, on: transport.loop) else {
            throw failures.silent(operation)
        }
        if case .failed(let code, let text) = answer { throw failures.refused(key.operation, code: code, text: text) }
        return answer
    }

    private func unexpected(_ operation: HandlerOperation) -> RoutingFailure {
        failures.failure(
            operation == .create ? .unknown : .transient, .notification(operation), .cicUnexpectedAnswer,
            "the handler in CIC answered what does not fit the request")
    }
}
