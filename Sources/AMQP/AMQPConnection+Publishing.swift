import CRabbitMQ
import Polling

extension AMQPConnection {
    /// Publishes a message and returns when the broker has confirmed it and not sent it back. Many may be outstanding;
    /// those of one caller arrive in order.
    ///
    /// The driver uses the property `correlation-id` itself, to recognise messages that come back.
    ///
    /// While the broker blocks publishing, messages wait, up to `settings.maximumUnsentBytes`, and fail with `blocked`
    /// at their deadline. A cancelled caller is resumed at once; its message may still be delivered.
    ///
    /// - Parameter exchange: the default exchange (empty) routes to the queue named by `routingKey`.
    /// - Throws: `unroutable`, `nacked`: not in a queue. `overloaded`, `invalidArgument`: not sent. Else unknown.
    public func publish(
        _ body: [UInt8], to routingKey: String, exchange: String = "", properties: AMQPProperties = AMQPProperties()
    ) async throws(AMQPError) {
        let operation = { "publish to \(exchange.isEmpty ? "" : exchange + "/")\(routingKey)" }
        do throws(AMQPError) {
            try requireOpen()
            try check(body, routingKey, exchange, properties)
        } catch {
            throw error.during(operation())
        }
        if Task.isCancelled {
            throw AMQPError(operation: operation(), kind: .cancelled, text: "the caller was cancelled")
        }
        let publisher: PublisherChannel
        do throws(AMQPError) {
            publisher = try send(body, routingKey, exchange, properties)
        } catch {
            throw error.during(operation())
        }
        let number = publisher.tracker.next
        let incarnation = publisher.incarnation
        let failure = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<AMQPError?, Never>) in
                let deadline = MonotonicTime.now + settings.publishDeadline
                _ = publisher.tracker.sent(PublisherChannel.Waiter(continuation: continuation, deadline: deadline))
                watchDeadlines(of: publisher)
            }
        } onCancel: {
            // The handler runs on any thread; only a task gets from there to the loop.
            Task { await self.cancelPublish(number, incarnation: incarnation) }
        }
        if let failure { throw failure.during(operation()) }
    }

    private func check(
        _ body: [UInt8], _ routingKey: String, _ exchange: String, _ properties: AMQPProperties
    ) throws(AMQPError) {
        let texts = [routingKey, exchange, properties.contentType, properties.messageID, properties.type]
        guard texts.allSatisfy({ ($0?.utf8.count ?? 0) <= AMQPProperties.maximumLength }) else {
            throw AMQPError(operation: "", kind: .invalidArgument, text: "a name or property exceeds 255 bytes")
        }
        guard body.count <= settings.maximumPublishedBody else {
            throw AMQPError(operation: "", kind: .invalidArgument, text: "the body has \(body.count) bytes")
        }
        guard let transport, transport.unsentCount + body.count <= settings.maximumUnsentBytes else {
            throw AMQPError(operation: "", kind: .overloaded, text: "too many bytes wait for the broker to read them")
        }
        if let span = publisher?.channel.tracker.span, span >= settings.maximumOutstandingPublishes {
            throw AMQPError(operation: "", kind: .overloaded, text: "\(span) publishes wait for their confirm")
        }
    }

    private func send(
        _ body: [UInt8], _ routingKey: String, _ exchange: String, _ properties: AMQPProperties
    ) throws(AMQPError) -> PublisherChannel {
        let (number, publisher) = try openPublisher()
        guard let writer = transport?.writer else { throw notOpen }
        let fields = amqp_basic_publish_t(
            ticket: 0, exchange: writer.scratch.bytes(exchange), routing_key: writer.scratch.bytes(routingKey),
            mandatory: 1, immediate: 0)
        writer.method(.basicPublish, channel: number, fields)
        let encoded = writer.scratch.properties(properties, correlationID: publisher.tracker.next)
        body.withUnsafeBytes { writer.content(channel: number, encoded, body: $0) }
        return publisher
    }

    /// The channel in confirm mode, opened at the first publish and after the broker closed it.
    private func openPublisher() throws(AMQPError) -> (UInt16, PublisherChannel) {
        if let publisher { return (publisher.number, publisher.channel) }
        let publisher = PublisherChannel()
        let channel = try openChannel(.publisher(publisher))
        transport?.writer.method(.confirmSelect, channel: channel.number, amqp_confirm_select_t(nowait: 0))
        self.publisher = (channel.number, publisher)
        return (channel.number, publisher)
    }

    private func cancelPublish(_ number: UInt64, incarnation: UInt64) {
        guard let publisher = publisher?.channel, publisher.incarnation == incarnation else { return }
        publisher.tracker.abandon(number)?.continuation.resume(
            returning: AMQPError(operation: "", kind: .cancelled, text: "the caller was cancelled"))
    }

    // MARK: Deadlines

    /// One timer for all: deadlines pass in the order of publishing.
    private func watchDeadlines(of publisher: PublisherChannel) {
        if publisher.deadlineTimer?.isPending == true { return }
        guard let oldest = publisher.tracker.oldestWaiting(from: publisher.watchedFrom) else { return }
        publisher.watchedFrom = oldest.number
        let incarnation = publisher.incarnation
        publisher.deadlineTimer = executor.schedule(after: oldest.waiter.deadline - .now) { [weak self] in
            self?.assumeIsolated { $0.expire(incarnation) }
        }
    }

    private func expire(_ incarnation: UInt64) {
        guard let publisher = publisher?.channel, publisher.incarnation == incarnation else { return }
        let now = MonotonicTime.now
        let error =
            isBlocked
            ? AMQPError(operation: "", kind: .blocked, text: "the broker has blocked publishing (memory or disk alarm)")
            : AMQPError(
                operation: "", kind: .deadline,
                text: "no confirm within \(settings.publishDeadline), whether it arrived is unknown")
        while let (number, waiter) = publisher.tracker.oldestWaiting(from: publisher.watchedFrom),
            waiter.deadline <= now
        {
            publisher.watchedFrom = number + 1
            publisher.tracker.abandon(number)?.continuation.resume(returning: error)
        }
        watchDeadlines(of: publisher)
    }

    // MARK: Answers

    func handle(
        _ method: MethodDecoder.Decoded, _ channel: Channel, _ publisher: PublisherChannel
    ) throws(AMQPError) {
        switch method.id {
        case .channelOpenOk, .confirmSelectOk: break
        case .basicAck:
            let ack = method.fields(amqp_basic_ack_t.self)
            try answered(publisher, ack.delivery_tag, multiple: ack.multiple != 0, nacked: false)
        case .basicNack:
            let nack = method.fields(amqp_basic_nack_t.self)
            try answered(publisher, nack.delivery_tag, multiple: nack.multiple != 0, nacked: true)
        case .basicReturn:
            let fields = method.fields(amqp_basic_return_t.self)
            channel.content = IncomingContent(
                .returned(code: Int(fields.reply_code), text: String(fields.reply_text)), limit: 0)
        case .channelFlow: answerFlow(method, channel)
        default: throw FrameReader.malformed("\(method.id) on a publishing channel")
        }
    }

    private func answered(
        _ publisher: PublisherChannel, _ number: UInt64, multiple: Bool, nacked: Bool
    ) throws(AMQPError) {
        let isKnown = publisher.tracker.answered(number, multiple: multiple, nacked: nacked) { waiter, outcome in
            let error: AMQPError? =
                switch outcome {
                case .confirmed: nil
                case .nacked: AMQPError(operation: "", kind: .nacked, text: "the broker refused the message")
                case .returned(let code, let text): AMQPError(operation: "", kind: .unroutable, text: "\(code) \(text)")
                }
            waiter.continuation.resume(returning: error)
        }
        if !isKnown { throw FrameReader.malformed("a confirm of message \(number), which does not wait for one") }
    }

    /// RabbitMQ never sends this; a broker that does wants an answer.
    func answerFlow(_ method: MethodDecoder.Decoded, _ channel: Channel) {
        let active = method.fields(amqp_channel_flow_t.self).active
        transport?.writer.method(.channelFlowOk, channel: channel.number, amqp_channel_flow_ok_t(active: active))
    }
}
