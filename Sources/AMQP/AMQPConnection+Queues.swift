import CRabbitMQ
import Polling

/// Operations on queues. Each has a channel of its own, so an error of one disturbs nothing else, and each throws
/// `closedByBroker` with the broker's code and words: 404 no such queue, 403 not permitted, 406 declared before with
/// other arguments (the text names the first) or deleted while in use.
extension AMQPConnection {
    /// Declares a durable queue; one that exists must have the same arguments.
    public func declareQueue(
        _ queue: String, arguments: [String: AMQPField] = [:], isDurable: Bool = true, isExclusive: Bool = false,
        deletesWhenUnused: Bool = false
    ) async throws(AMQPError) -> AMQPQueueState {
        try await declare(
            queue, "declare queue", arguments, isPassive: false, isDurable: isDurable, isExclusive: isExclusive,
            deletesWhenUnused: deletesWhenUnused)
    }

    /// Asks about a queue that exists. Compares no arguments.
    public func queueState(_ queue: String) async throws(AMQPError) -> AMQPQueueState {
        try await declare(
            queue, "look at queue", [:], isPassive: true, isDurable: true, isExclusive: false, deletesWhenUnused: false)
    }

    private func declare(
        _ queue: String, _ verb: String, _ arguments: [String: AMQPField], isPassive: Bool, isDurable: Bool,
        isExclusive: Bool, deletesWhenUnused: Bool
    ) async throws(AMQPError) -> AMQPQueueState {
        let reply = try await perform("\(verb) \(queue)", queue, arguments, reply: .queueDeclareOk) { writer, number in
            let fields = amqp_queue_declare_t(
                ticket: 0, queue: writer.scratch.bytes(queue), passive: isPassive ? 1 : 0, durable: isDurable ? 1 : 0,
                exclusive: isExclusive ? 1 : 0, auto_delete: deletesWhenUnused ? 1 : 0, nowait: 0,
                arguments: writer.scratch.table(arguments))
            writer.method(
                .queueDeclare, channel: number, fields, size: FrameWriter.plainMethod + AMQPField.size(arguments))
        }
        guard case .queue(let state) = reply else { preconditionFailure("a declaration answered by a number") }
        return state
    }

    /// Removes the messages that are ready. Returns how many.
    @discardableResult
    public func purgeQueue(_ queue: String) async throws(AMQPError) -> Int {
        let reply = try await perform("purge queue \(queue)", queue, [:], reply: .queuePurgeOk) { writer, number in
            let fields = amqp_queue_purge_t(ticket: 0, queue: writer.scratch.bytes(queue), nowait: 0)
            writer.method(.queuePurge, channel: number, fields)
        }
        guard case .count(let count) = reply else { preconditionFailure("a purge answered by a queue") }
        return count
    }

    /// Deletes a queue with its messages; one that does not exist is no error. Returns how many messages it had.
    @discardableResult
    public func deleteQueue(_ queue: String, ifUnused: Bool = false, ifEmpty: Bool = false) async throws(AMQPError)
        -> Int
    {
        let reply = try await perform("delete queue \(queue)", queue, [:], reply: .queueDeleteOk) { writer, number in
            let fields = amqp_queue_delete_t(
                ticket: 0, queue: writer.scratch.bytes(queue), if_unused: ifUnused ? 1 : 0, if_empty: ifEmpty ? 1 : 0,
                nowait: 0)
            writer.method(.queueDelete, channel: number, fields)
        }
        guard case .count(let count) = reply else { preconditionFailure("a deletion answered by a queue") }
        return count
    }

    /// Takes one message if there is one. It has to be settled like any delivery.
    ///
    /// A caller that is cancelled gets nil, and the message that was on its way goes back.
    ///
    /// - Throws: `closedByBroker` (404); other gets under way fail with it, and their messages go back to the queue.
    ///   `overloaded` while `settings.maximumUnsettledGets` are unsettled.
    public func get(_ queue: String) async throws(AMQPError) -> Delivery? {
        let operation = "get from \(queue)"
        do throws(AMQPError) {
            try requireOpen()
            try check(queue, [:])
            let (number, reader) = try openGetReader()
            let limit = settings.maximumUnsettledGets
            guard reader.unsettledCount + reader.waiters.count < limit, let writer = transport?.writer else {
                throw AMQPError(operation: "", kind: .overloaded, text: "\(limit) messages are unsettled")
            }
            let fields = amqp_basic_get_t(ticket: 0, queue: writer.scratch.bytes(queue), no_ack: 0)
            writer.method(.basicGet, channel: number, fields)
            let waiter = queueUp(on: reader)
            let (id, incarnation) = (waiter.id, reader.incarnation)
            let deadline = executor.schedule(after: settings.operationDeadline) { [weak self] in
                self?.assumeIsolated { $0.expireGet(id, number, incarnation) }
            }
            defer { deadline.cancel() }
            return try await wait(for: waiter, on: reader, number, operation: operation)
        } catch {
            throw error.during(operation)
        }
    }

    /// Its place stays, because the answer may still come; the message then goes back.
    private func expireGet(_ id: UInt64, _ number: UInt16, _ incarnation: UInt64) {
        guard let (_, reader) = reader(number, incarnation) else { return }
        let error = AMQPError(operation: "", kind: .deadline, text: "no answer in time")
        reader.waiters.first { $0.id == id }?.answer.resolve(.failure(error))
    }

    private func openGetReader() throws(AMQPError) -> (UInt16, ReaderChannel) {
        if let getReader { return (getReader.number, getReader.channel) }
        let reader = ReaderChannel(
            queue: "", consumerTag: "", maximumBody: 256 << 10, limit: settings.maximumUnsettledGets, isGet: true)
        let channel = try openChannel(.reader(reader))
        reader.state = .running
        getReader = (channel.number, reader)
        return (channel.number, reader)
    }

    // MARK: One operation

    func check(_ queue: String, _ arguments: [String: AMQPField]) throws(AMQPError) {
        guard queue.utf8.count <= AMQPProperties.maximumLength else {
            throw AMQPError(operation: "", kind: .invalidArgument, text: "the queue's name exceeds 255 bytes")
        }
        guard AMQPField.size(arguments) <= Scratch.size / 2,
            arguments.keys.allSatisfy({ $0.utf8.count <= AMQPField.maximumNameLength })
        else {
            throw AMQPError(operation: "", kind: .invalidArgument, text: "the arguments are too long")
        }
    }

    private func perform(
        _ operation: String, _ queue: String, _ arguments: [String: AMQPField], reply: Method,
        _ write: (FrameWriter, UInt16) -> Void
    ) async throws(AMQPError) -> OperationChannel.Reply {
        let role = OperationChannel(reply: reply)
        let channel: Channel
        do throws(AMQPError) {
            try requireOpen()
            try check(queue, arguments)
            channel = try openChannel(.operation(role))
        } catch {
            throw error.during(operation)
        }
        if let writer = transport?.writer { write(writer, channel.number) }
        let (number, incarnation) = (channel.number, role.incarnation)
        role.deadline = executor.schedule(after: settings.operationDeadline) {
            role.resolve(.failure(AMQPError(operation: "", kind: .deadline, text: "no answer in time")))
        }
        let result = await wait(for: role.answer) { $0.cancelOperation(number, incarnation) }
        switch result {
        case .success(let reply): return reply
        case .failure(let error): throw error.during(operation)
        }
    }

    private func cancelOperation(_ number: UInt16, _ incarnation: UInt64) {
        guard case .operation(let role) = channel(number)?.role, role.incarnation == incarnation else { return }
        role.resolve(.failure(AMQPError(operation: "", kind: .cancelled, text: "the caller was cancelled")))
    }

    func handle(
        _ method: MethodDecoder.Decoded, _ channel: Channel, _ operation: OperationChannel
    ) throws(AMQPError) {
        if method.id == .channelOpenOk { return }
        if method.id == .channelFlow { return answerFlow(method, channel) }
        guard method.id == operation.reply else { throw FrameReader.malformed("\(method.id), not \(operation.reply)") }
        switch method.id {
        case .queueDeclareOk:
            let fields = method.fields(amqp_queue_declare_ok_t.self)
            operation.resolve(
                .success(
                    .queue(
                        AMQPQueueState(
                            name: String(fields.queue), messageCount: Int(fields.message_count),
                            consumerCount: Int(fields.consumer_count)))))
        case .queuePurgeOk:
            operation.resolve(.success(.count(Int(method.fields(amqp_queue_purge_ok_t.self).message_count))))
        case .queueDeleteOk:
            operation.resolve(.success(.count(Int(method.fields(amqp_queue_delete_ok_t.self).message_count))))
        default: break
        }
        // Only now: a channel whose answer is outstanding keeps its number.
        closeChannel(channel)
    }
}
