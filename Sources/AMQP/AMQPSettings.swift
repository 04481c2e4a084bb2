/// The limits of one connection. The defaults are those of the design; tests use smaller ones.
public struct AMQPSettings: Sendable {
    /// For connecting to one address, TLS and login together.
    public var openDeadline: Duration = .seconds(10)
    /// For one queue operation, for starting a consumer, for the broker's answer to a close (there at most 2 s).
    public var operationDeadline: Duration = .seconds(10)
    /// For a publish, from the call to the confirm.
    public var publishDeadline: Duration = .seconds(10)
    /// Publishes between the oldest without a confirm and the newest. A slot whose caller has gone (deadline,
    /// cancelled) is kept until the broker answers; one more publish fails with `overloaded`.
    public var maximumOutstandingPublishes = 16_384
    /// Bytes that wait for the broker to read them: about what 10,000 requests need. Beyond, `overloaded`.
    public var maximumUnsentBytes = 64 << 20
    /// The largest body that `publish` takes, in bytes.
    public var maximumPublishedBody = 16 << 20
    /// Queue operations and consumers at the same time; one AMQP channel each.
    public var maximumChannels = 128
    /// Messages taken one by one with `get` and not settled; one more `get` fails with `overloaded`.
    public var maximumUnsettledGets = 1_000
    /// How long a finished delivery waits for earlier ones before it is acknowledged by itself.
    public var stragglerDelay: Duration = .milliseconds(100)

    public init() {}
}
