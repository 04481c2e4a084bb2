import Foundation

/// `login()` of the partner API and, at `/Soap/c`, of the enterprise API: the way in that ordinary clients still try first.
///
/// Salesforce removes it step by step; Case Router does not use it.
extension SalesforceOrgCore {
    func soapLogin(_ call: SalesforceCall) -> SalesforceReply {
        let text = String(decoding: call.body, as: UTF8.self)
        let version = call.elements.last ?? "62.0"
        guard let username = element("username", in: text), let password = element("password", in: text),
            password == org.password + org.securityToken, let userID = activeUser(username)
        else {
            return soap(
                call, 500,
                """
                <soapenv:Fault><faultcode>sf:INVALID_LOGIN</faultcode><faultstring>INVALID_LOGIN: Invalid username, \
                password, security token; or user locked out.</faultstring><detail><sf:LoginFault \
                xsi:type="sf:LoginFault"><sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode><sf:exceptionMessage>Invalid \
                username, password, security token; or user locked out.</sf:exceptionMessage></sf:LoginFault></detail>\
                </soapenv:Fault>
                """)
        }
        let token = newToken(for: userID)
        let server =
            "\(base(call))/services/Soap/\(isEnterprise(call) ? "c" : "u")/\(version)/\(organizationID.prefix(15))"
        // Some clients read the children by position, so their order is part of the interface.
        return soap(
            call, 200,
            """
            <loginResponse><result><metadataServerUrl>\(base(call))/services/Soap/m/\(version)</metadataServerUrl>\
            <passwordExpired>\(faults.passwordExpired)</passwordExpired><sandbox>false</sandbox><serverUrl>\(server)</serverUrl>\
            <sessionId>\(token)</sessionId><userId>\(userID)</userId><userInfo>\
            <accessibilityMode>false</accessibilityMode><chatterExternal>false</chatterExternal>\
            <currencySymbol>$</currencySymbol><orgAttachmentFileSizeLimit>5242880</orgAttachmentFileSizeLimit>\
            <orgDefaultCurrencyIsoCode>USD</orgDefaultCurrencyIsoCode>\
            <orgDefaultCurrencyLocale>en_US</orgDefaultCurrencyLocale>\
            <orgDisallowHtmlAttachments>false</orgDisallowHtmlAttachments>\
            <orgHasPersonAccounts>false</orgHasPersonAccounts><organizationId>\(organizationID)</organizationId>\
            <organizationName>\(escaped(org.name))</organizationName><sessionSecondsValid>\
            \(Int(settings.sessionTimeout))</sessionSecondsValid><userId>\(userID)</userId>\
            <userName>\(escaped(username))</userName></userInfo></result></loginResponse>
            """)
    }

    private func isEnterprise(_ call: SalesforceCall) -> Bool { call.elements.contains("c") }

    /// The answer's names are of the interface whose address was called.
    private func soap(_ call: SalesforceCall, _ status: Int, _ body: String) -> SalesforceReply {
        let interface = isEnterprise(call) ? "enterprise" : "partner"
        let envelope = """
            <?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope \
            xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:\(interface).soap.sforce.com" \
            xmlns:sf="urn:fault.\(interface).soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\
            <soapenv:Body>\(body)</soapenv:Body></soapenv:Envelope>
            """
        return SalesforceReply(status: status, body: Array(envelope.utf8), contentType: "text/xml; charset=UTF-8")
    }

    /// The text of an element, whatever its prefix.
    private func element(_ name: String, in text: String) -> String? {
        guard let open = text.range(of: "\(name)>"), let close = text[open.upperBound...].range(of: "</") else {
            return nil
        }
        var value = String(text[open.upperBound..<close.lowerBound])
        for (entity, character) in Self.entities { value = value.replacing(entity, with: character) }
        return value
    }

    private func escaped(_ text: String) -> String {
        Self.entities.reversed().reduce(text) { $0.replacing($1.1, with: $1.0) }
    }

    /// In the order in which they are read; written the other way round.
    private static let entities = [
        ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&amp;", "&"),
    ]
}
