import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Writes the org's time into the `Date` of every answer, where its clock is not that of this machine.
final class SalesforceDateHandler: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let org: SalesforceOrg

    init(_ org: SalesforceOrg) { self.org = org }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .head(var head) = unwrapOutboundIn(data), let date = org.ownDate else {
            context.write(data, promise: promise)
            return
        }
        head.headerFields[.date] = date
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }
}
