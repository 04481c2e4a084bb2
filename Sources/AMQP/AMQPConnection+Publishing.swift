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
        let (number, incarnation, answer): (UInt64, UInt64, Answer<PublisherChannel.Outcome>)
        do throws(AMQPError) {
            (number, incarnation, answer) = try send(body, routingKey, exchange, properties)
        } catch {
            throw error.during(operation())
        }
        let outcome = await wait(for: answer) { $0.cancelPublish(number, incarnation: incarnation) }
        if case .failed(let error) = outcome { throw error.during(operation()) }
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
    ) throws(AMQPError) -> (number: UInt64, incarnation: UInt64, Answer<PublisherChannel.Outcome>) {
        let (channel, publisher) = try openPublisher()
        guard let writer = transport?.writer else { throw notOpen }
        let fields = amqp_basic_publish_t(
            ticket: 0, exchange: writer.scratch.bytes(exchange), routing_key: writer.scratch.bytes(routingKey),
            mandatory: 1, immediate: 0)
        writer.method(.basicPublish, channel: channel, fields)
        let encoded = writer.scratch.properties(properties, correlationID: publisher.tracker.next)
        body.withUnsafeBytes { writer.content(channel: channel, encoded, body: $0) }

        let answer = Answer<PublisherChannel.Outcome>()
        let deadline = MonotonicTime.now + settings.publishDeadline
        let number = publisher.tracker.sent(PublisherChannel.Waiter(answer: answer, deadline: deadline))
        watchDeadlines(of: publisher)
        return (number, publisher.incarnation, answer)
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
        publisher.tracker.abandon(number)?.answer.resolve(
            .failed(AMQPError(operation: "", kind: .cancelled, text: "the caller was cancelled")))
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
        guard let (number, publisher) = publisher, publisher.incarnation == incarnation,
            let channel = channels[Int(number)]
        else { return }
        guard isBlocked else {
            // RabbitMQ may never answer again on a channel whose quorum queue was deleted under it: the next publish opens
            // another one.
            let error = AMQPError(
                operation: "", kind: .deadline,
                text: "no confirm within \(settings.publishDeadline), whether it arrived is unknown")
            if publisher.isReady {
                closeChannel(channel)
            } else {
                // Nor does it read from a connection that it holds back for the sake of such a queue; its heartbeats still
                // come. The owner of this connection opens another one.
                fail(
                    AMQPError(
                        operation: "", kind: .connectionLost,
                        text: "the broker opened no channel within \(settings.publishDeadline)"))
            }
            return publisher.failAll(error)
        }
        let now = MonotonicTime.now
        let error = AMQPError(
            operation: "", kind: .blocked, text: "the broker has blocked publishing (memory or disk alarm)")
        while let (number, waiter) = publisher.tracker.oldestWaiting(from: publisher.watchedFrom),
            waiter.deadline <= now
        {
            publisher.watchedFrom = number + 1
            publisher.tracker.abandon(number)?.answer.resolve(.failed(error))
        }
        watchDeadlines(of: publisher)
    }

    // MARK: Answers

    func handle(
        _ method: MethodDecoder.Decoded, _ channel: Channel, _ publisher: PublisherChannel
    ) throws(AMQPError) {
        switch method.id {
        case .channelOpenOk: break
        case .confirmSelectOk: publisher.isReady = true
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
            let result: PublisherChannel.Outcome =
                switch outcome {
                case .confirmed: .confirmed
                case .nacked:
                    .failed(AMQPError(operation: "", kind: .nacked, text: "the broker refused the message"))
                case .returned(let code, let text):
                    .failed(AMQPError(operation: "", kind: .unroutable, text: "\(code) \(text)"))
                }
            waiter.answer.resolve(result)
        }
        if !isKnown { throw FrameReader.malformed("a confirm of message \(number), which does not wait for one") }
    }

    /// RabbitMQ never sends this; a broker that does wants an answer.
    func answerFlow(_ method: MethodDecoder.Decoded, _ channel: Channel) {
        let active = method.fields(amqp_channel_flow_t.self).active
        transport?.writer.method(.channelFlowOk, channel: channel.number, amqp_channel_flow_ok_t(active: active))
    }
}
