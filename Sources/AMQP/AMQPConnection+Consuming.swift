import CRabbitMQ
import Polling

extension AMQPConnection {
    /// Starts a consumer on a channel of its own.
    ///
    /// - Parameters:
    ///   - prefetch: deliveries that may be unsettled at a time, 1 to 65535. More than the cases in flight, so that one
    ///     that is stuck does not stop the others.
    ///   - maximumBody: bytes kept of a body; a larger one is delivered as `isOversized`.
    ///   - arguments: of `basic.consume`, e.g. `x-priority`.
    /// - Throws: `closedByBroker` (404 no such queue, 403 exclusive or not permitted), `deadline`, `cancelled`, …
    public func consume(
        _ queue: String, prefetch: UInt16, maximumBody: Int = 256 << 10, arguments: [String: AMQPField] = [:]
    ) async throws(AMQPError) -> Deliveries {
        let operation = "consume \(queue)"
        precondition(prefetch > 0, "a consumer without prefetch has no bound")
        let reader = ReaderChannel(
            queue: queue, consumerTag: "caserouter-\(Incarnation.next())", maximumBody: maximumBody,
            limit: Int(prefetch))
        let channel: Channel
        do throws(AMQPError) {
            try requireOpen()
            try check(queue, arguments)
            channel = try openChannel(.reader(reader))
        } catch {
            throw error.during(operation)
        }
        startConsumer(reader, channel, prefetch, arguments)
        let (number, incarnation) = (channel.number, reader.incarnation)

        let result = await wait(for: reader.started) { $0.cancelConsume(number, incarnation) }
        if case .failure(let error) = result { throw error.during(operation) }
        return Deliveries(connection: self, ending: reader.ending, channel: number, incarnation: incarnation)
    }

    private func startConsumer(
        _ reader: ReaderChannel, _ channel: Channel, _ prefetch: UInt16, _ arguments: [String: AMQPField]
    ) {
        guard let writer = transport?.writer else { return }
        writer.method(
            .basicQos, channel: channel.number, amqp_basic_qos_t(prefetch_size: 0, prefetch_count: prefetch, global: 0))
        let fields = amqp_basic_consume_t(
            ticket: 0, queue: writer.scratch.bytes(reader.queue),
            consumer_tag: writer.scratch.bytes(reader.consumerTag), no_local: 0, no_ack: 0, exclusive: 0, nowait: 0,
            arguments: writer.scratch.table(arguments))
        writer.method(
            .basicConsume, channel: channel.number, fields,
            size: FrameWriter.plainMethod + AMQPField.size(arguments))
        let (number, incarnation) = (channel.number, reader.incarnation)
        reader.timer = executor.schedule(after: settings.operationDeadline) { [weak self] in
            let error = AMQPError(operation: "", kind: .deadline, text: "no answer in time")
            self?.assumeIsolated { $0.abandonConsume(number, incarnation, error) }
        }
    }

    private func cancelConsume(_ number: UInt16, _ incarnation: UInt64) {
        abandonConsume(
            number, incarnation, AMQPError(operation: "", kind: .cancelled, text: "the caller was cancelled"))
    }

    /// Nobody wants the consumer that is being started: closing its channel ends it.
    private func abandonConsume(_ number: UInt16, _ incarnation: UInt64, _ error: AMQPError) {
        guard let (channel, reader) = reader(number, incarnation), !reader.started.isResolved else { return }
        reader.end(error)
        closeChannel(channel)
    }

    /// The channel of a consumer or of `get`, if it still lives.
    func reader(_ number: UInt16, _ incarnation: UInt64) -> (Channel, ReaderChannel)? {
        guard let channel = channel(number), !channel.isClosing, case .reader(let reader) = channel.role,
            reader.incarnation == incarnation
        else { return nil }
        return (channel, reader)
    }

    // MARK: Taking deliveries

    func nextDelivery(_ deliveries: Deliveries) async throws(AMQPError) -> Delivery? {
        guard let (_, reader) = reader(deliveries.channel, deliveries.incarnation) else {
            if let error = deliveries.ending.error { throw error.during("receive") }
            return nil
        }
        if Task.isCancelled { return nil }
        if let delivery = reader.ready.popFirst() { return delivery }
        if case .ended(let error) = reader.state {
            if let error { throw error.during("receive from \(reader.queue)") }
            return nil
        }
        return try await wait(
            for: queueUp(on: reader), on: reader, deliveries.channel, operation: "receive from \(reader.queue)")
    }

    /// Takes a place among those who wait for a delivery of this channel.
    ///
    /// Not part of `wait`, because a turn of the loop may pass before an asynchronous function begins: a delivery or the
    /// consumer's end between the caller's look and its place in the line would be missed.
    func queueUp(on reader: ReaderChannel) -> ReaderChannel.Waiter {
        let waiter: ReaderChannel.Waiter = (nextWaiter, ReaderChannel.Next())
        nextWaiter += 1
        reader.waiters.append(waiter)
        return waiter
    }

    /// Waits for the next delivery; a cancelled caller gets nil.
    func wait(
        for waiter: ReaderChannel.Waiter, on reader: ReaderChannel, _ number: UInt16,
        operation: @autoclosure () -> String
    ) async throws(AMQPError) -> Delivery? {
        let (id, incarnation) = (waiter.id, reader.incarnation)
        let result = await wait(for: waiter.answer) { $0.cancelWait(id, number, incarnation) }
        switch result {
        case .success(let delivery): return delivery
        case .failure(let error): throw error.during(operation())
        }
    }

    func receive(_ content: IncomingContent, on channel: Channel) throws(AMQPError) {
        guard let header = content.header else { return }
        switch (content.kind, channel.role) {
        case (.returned(let code, let text), .publisher(let publisher)):
            if let number = header.correlationID.flatMap({ UInt64($0) }) {
                publisher.tracker.returned(number, code: code, text: text)
            }
        case (.delivery(let tag, let isRedelivered), .reader(let reader)):
            let delivery = Delivery(
                body: content.body, bodySize: header.bodySize, properties: header.properties,
                isRedelivered: isRedelivered, tag: tag, incarnation: reader.incarnation, channel: channel.number)
            try hand(delivery, to: reader, channel)
        default: break
        }
    }

    private func hand(_ delivery: Delivery, to reader: ReaderChannel, _ channel: Channel) throws(AMQPError) {
        let follows = reader.window.delivered(delivery.tag) { acknowledge($0, on: channel.number) }
        guard follows else { throw FrameReader.malformed("delivery \(delivery.tag), which does not follow the last") }
        reader.unsettledCount += 1
        if case .ended = reader.state { return giveBack(delivery, reader) }
        if let waiter = reader.waiters.popFirst() {
            // A caller of `get` that was cancelled left its place.
            if waiter.answer.isResolved { return giveBack(delivery, reader) }
            waiter.answer.resolve(.success(delivery))
        } else {
            reader.ready.append(delivery)
        }
    }

    /// Returns a delivery that nobody has seen to its queue.
    private func giveBack(_ delivery: Delivery, _ reader: ReaderChannel) {
        guard reader.window.settle(delivery.tag) else { return }
        reader.unsettledCount -= 1
        transport?.writer.method(
            .basicReject, channel: delivery.channel,
            amqp_basic_reject_t(delivery_tag: delivery.tag, requeue: 1))
    }

    func handle(
        _ method: MethodDecoder.Decoded, _ channel: Channel, _ reader: ReaderChannel
    ) throws(AMQPError) {
        switch method.id {
        case .basicDeliver:
            let fields = method.fields(amqp_basic_deliver_t.self)
            channel.content = IncomingContent(
                .delivery(tag: fields.delivery_tag, isRedelivered: fields.redelivered != 0), limit: reader.maximumBody)
        case .channelOpenOk, .basicQosOk, .basicCancelOk: break
        case .basicConsumeOk:
            guard case .starting = reader.state else { return }
            reader.state = .running
            reader.timer?.cancel()
            reader.started.resolve(.success(()))
        case .basicCancel:
            reader.end(
                AMQPError(
                    operation: "", kind: .consumerCancelled,
                    text: "the broker cancelled the consumer of \(reader.queue)"))
        case .basicGetOk:
            let fields = method.fields(amqp_basic_get_ok_t.self)
            channel.content = IncomingContent(
                .delivery(tag: fields.delivery_tag, isRedelivered: fields.redelivered != 0), limit: reader.maximumBody)
        case .basicGetEmpty: reader.waiters.popFirst()?.answer.resolve(.success(nil))
        case .channelFlow: answerFlow(method, channel)
        default: throw FrameReader.malformed("\(method.id) on a consuming channel")
        }
    }

    func stop(_ deliveries: Deliveries) {
        guard let (channel, reader) = reader(deliveries.channel, deliveries.incarnation),
            let writer = transport?.writer
        else { return }
        if case .ended = reader.state {
        } else {
            let fields = amqp_basic_cancel_t(consumer_tag: writer.scratch.bytes(reader.consumerTag), nowait: 0)
            writer.method(.basicCancel, channel: channel.number, fields)
        }
        reader.end(nil)
        while let delivery = reader.ready.popFirst() { giveBack(delivery, reader) }
        closeIfDone(channel, reader)
    }

    private func cancelWait(_ id: UInt64, _ number: UInt16, _ incarnation: UInt64) {
        guard let (_, reader) = reader(number, incarnation),
            let index = reader.waiters.firstIndex(where: { $0.id == id })
        else { return }
        reader.waiters[index].answer.resolve(.success(nil))
        // The answer to a `get` will come, and must not go to the next caller: its place stays.
        if !reader.isGet { reader.waiters.remove(at: index) }
    }

    /// A consumer that has ended closes its channel with its last delivery.
    func closeIfDone(_ channel: Channel, _ reader: ReaderChannel) {
        guard case .ended = reader.state, reader.unsettledCount == 0, reader.window.finishedCount == 0 else { return }
        closeChannel(channel)
    }
}
