import CRabbitMQ
import Polling

extension AMQPConnection {
    /// Tells the broker that a delivery is done. Sent with others at the end of the loop's turn; one that finished
    /// before earlier ones waits for them at most `settings.stragglerDelay`.
    ///
    /// - Throws: `staleDelivery` when it came on an earlier incarnation of its channel or was settled before. Nothing
    ///   is sent then, and the channel stays open; the broker hands the message out again if it has it.
    public func acknowledge(_ delivery: Delivery) throws(AMQPError) {
        guard let (_, reader) = reader(delivery.channel, delivery.incarnation), reader.window.finish(delivery.tag)
        else {
            throw stale("acknowledge", delivery)
        }
        reader.unsettledCount -= 1
        guard !reader.isDirty else { return }
        reader.isDirty = true
        dirtyReaders.append(delivery.channel)
    }

    /// Refuses a delivery: without `requeue` the broker dead-letters or drops it.
    ///
    /// - Throws: `staleDelivery`, as `acknowledge`.
    public func reject(_ delivery: Delivery, requeue: Bool = false) throws(AMQPError) {
        guard let (channel, reader) = reader(delivery.channel, delivery.incarnation), reader.window.settle(delivery.tag)
        else {
            throw stale("reject", delivery)
        }
        reader.unsettledCount -= 1
        transport?.writer.method(
            .basicReject, channel: delivery.channel,
            amqp_basic_reject_t(delivery_tag: delivery.tag, requeue: requeue ? 1 : 0))
        closeIfDone(channel, reader)
    }

    private func stale(_ operation: String, _ delivery: Delivery) -> AMQPError {
        AMQPError(
            operation: "\(operation) delivery \(delivery.tag)", kind: .staleDelivery,
            text: closedReason.map { "the connection is closed: \($0.text)" }
                ?? "it came on an earlier incarnation of its channel, or was settled before")
    }

    /// Once per turn, for the channels on which something was acknowledged.
    func sendAcknowledgements() {
        let numbers = dirtyReaders
        dirtyReaders.removeAll(keepingCapacity: true)
        for number in numbers {
            guard let channel = channel(number), !channel.isClosing, case .reader(let reader) = channel.role else {
                continue
            }
            reader.isDirty = false
            reader.window.takePrefix { acknowledge($0, on: number) }
            let isLast = if case .open = phase { false } else { true }
            if reader.window.isStuck || isLast { sendStragglers(reader, number) }
            if reader.window.finishedCount > 0 { scheduleStragglers(of: reader, number) }
            closeIfDone(channel, reader)
        }
    }

    func acknowledge(_ acknowledgement: AcknowledgementWindow.Acknowledgement, on channel: UInt16) {
        transport?.writer.method(
            .basicAck, channel: channel,
            amqp_basic_ack_t(delivery_tag: acknowledgement.tag, multiple: acknowledgement.multiple ? 1 : 0))
    }

    func sendStragglers(_ reader: ReaderChannel, _ number: UInt16) {
        reader.window.takeSingly { acknowledge($0, on: number) }
    }

    /// Before a close: what is finished is not to be handed out again, whatever is still in hand before it.
    func sendAllStragglers() {
        for case let channel? in channels where !channel.isClosing {
            if case .reader(let reader) = channel.role { sendStragglers(reader, channel.number) }
        }
    }

    private func scheduleStragglers(of reader: ReaderChannel, _ number: UInt16) {
        if reader.stragglerTimer?.isPending == true { return }
        let incarnation = reader.incarnation
        reader.stragglerTimer = executor.schedule(after: settings.stragglerDelay) { [weak self] in
            self?.assumeIsolated { connection in
                guard let (channel, reader) = connection.reader(number, incarnation) else { return }
                connection.sendStragglers(reader, number)
                connection.closeIfDone(channel, reader)
            }
        }
    }
}
