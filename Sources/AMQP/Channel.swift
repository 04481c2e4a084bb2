import DequeModule
import Polling

/// One AMQP channel as its connection sees it. Not Sendable: belongs to the connection's actor.
final class Channel {
    let number: UInt16
    let role: Role
    /// We sent `channel.close` and wait for the answer; the number is not free before.
    var isClosing = false
    /// The message whose frames are arriving.
    var content: IncomingContent?

    /// What a channel is used for: one thing.
    enum Role {
        case publisher(PublisherChannel)
        case reader(ReaderChannel)
        case operation(OperationChannel)
    }

    init(number: UInt16, role: Role) {
        self.number = number
        self.role = role
    }
}

/// One queue operation: its own channel, because the broker closes the channel of an operation that fails.
final class OperationChannel {
    let incarnation = Incarnation.next()
    /// The method that answers it.
    let reply: Method
    let answer = Answer<Result<Reply, AMQPError>>()
    var deadline: PollTimer?

    enum Reply: Sendable {
        case queue(AMQPQueueState)
        case count(Int)
    }

    init(reply: Method) { self.reply = reply }

    func resolve(_ result: Result<Reply, AMQPError>) {
        deadline?.cancel()
        answer.resolve(result)
    }
}

/// A channel in confirm mode.
final class PublisherChannel {
    enum Outcome: Sendable {
        case confirmed
        case failed(AMQPError)
    }

    struct Waiter {
        let answer: Answer<Outcome>
        let deadline: MonotonicTime
    }

    /// Distinguishes this channel from its successors of the same number.
    let incarnation = Incarnation.next()
    var tracker = ConfirmTracker<Waiter>()
    var deadlineTimer: PollTimer?
    /// All publishes before have met their deadline.
    var watchedFrom: UInt64 = 1
    /// The broker has opened it and confirms.
    var isReady = false

    func failAll(_ error: AMQPError) {
        deadlineTimer?.cancel()
        for waiter in tracker.abandonAll() { waiter.answer.resolve(.failed(error)) }
    }
}

/// A channel that deliveries come on: of a consumer, or one by one with `get`.
final class ReaderChannel {
    typealias Next = Answer<Result<Delivery?, AMQPError>>
    typealias Waiter = (id: UInt64, answer: Next)

    enum State {
        case starting, running
        /// No more deliveries will be handed out; nil: because the owner wanted so.
        case ended(AMQPError?)
    }

    let incarnation = Incarnation.next()
    let queue: String
    let consumerTag: String
    let maximumBody: Int
    /// Messages come one by one, each for the caller at the head of `waiters`.
    let isGet: Bool
    var state = State.starting
    var window: AcknowledgementWindow
    /// Received and not settled by the owner.
    var unsettledCount = 0
    var ready: Deque<Delivery> = []
    /// Callers of `next` or `get`, first come first served.
    var waiters: Deque<Waiter> = []
    let ending = Deliveries.Ending()
    let started = Answer<Result<Void, AMQPError>>()
    /// Until the consumer has started.
    var timer: PollTimer?
    var stragglerTimer: PollTimer?
    /// Whether the before-wait hook has to look at the window.
    var isDirty = false

    init(queue: String, consumerTag: String, maximumBody: Int, limit: Int, isGet: Bool = false) {
        self.isGet = isGet
        self.queue = queue
        self.consumerTag = consumerTag
        self.maximumBody = maximumBody
        window = AcknowledgementWindow(limit: limit)
    }

    /// The channel is gone: what was received on it goes back to the queue by itself.
    func fail(_ error: AMQPError) {
        stragglerTimer?.cancel()
        ready.removeAll()
        end(error)
    }

    /// Ends the sequence. Whoever waits learns why.
    func end(_ error: AMQPError?) {
        if case .ended = state { return }
        state = .ended(error)
        ending.note(error)
        timer?.cancel()
        let result: Result<Delivery?, AMQPError> = error.map { .failure($0) } ?? .success(nil)
        for waiter in waiters { waiter.answer.resolve(result) }
        waiters.removeAll()
        started.resolve(error.map { .failure($0) } ?? .success(()))
    }
}
