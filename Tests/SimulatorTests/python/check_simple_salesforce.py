"""Uses simple-salesforce as anybody would, on a simulator: check_simple_salesforce.py HOST:PORT

REQUESTS_CA_BUNDLE must name the authority's certificate, SALESFORCE_JWT_KEY the key of the registered certificate.
"""

import os
import sys

import requests
from simple_salesforce import Salesforce, SalesforceLogin
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)
from simple_salesforce.format import format_soql

host = sys.argv[1]
# The library appends ".salesforce.com/services/oauth2/token" to what it takes for a domain.
domain = host + "/login"
app = {"consumer_key": "case-router", "consumer_secret": "secret", "domain": domain}


def expect(condition, what):
    if not condition:
        raise SystemExit(f"not as expected: {what}")


def refused(error, work, what):
    try:
        work()
    except error as raised:
        return raised
    raise SystemExit(f"not refused: {what}")


# Signing in: password, client credentials by Basic, the SOAP call behind the plain constructor, and refusals.
session_id, instance = SalesforceLogin(username="integration@example.com", password="passwordTOKEN", **app)
expect(instance == host, f"instance {instance}")
expect(SalesforceLogin(**app)[1] == host, "client credentials")
signed = SalesforceLogin(
    username="integration@example.com",
    consumer_key="case-router",
    privatekey_file=os.environ["SALESFORCE_JWT_KEY"],
    domain=domain,
)
expect(signed[1] == host, "JWT bearer")
refusal = refused(
    SalesforceAuthenticationFailed,
    lambda: SalesforceLogin(username="integration@example.com", password="wrong", **app),
    "a wrong password",
)
expect("authentication failure" in str(refusal), refusal)
soap = Salesforce(username="integration@example.com", password="password", security_token="TOKEN", domain=domain)
expect(soap.sf_instance == host, "SOAP login")
refusal = refused(
    SalesforceAuthenticationFailed,
    lambda: Salesforce(username="integration@example.com", password="x", security_token="y", domain=domain),
    "a wrong password by SOAP",
)
expect("INVALID_LOGIN" in str(refusal), refusal)

sf = Salesforce(username="integration@example.com", password="passwordTOKEN", **app)

# What ordinary clients ask first.
expect(any(item["name"] == "Case" for item in sf.describe()["sobjects"]), "describe lists Case")
fields = {field["name"]: field for field in sf.Case.describe()["fields"]}
expect(fields["OwnerId"]["referenceTo"] == ["Group", "User"], "Case.OwnerId")
expect(sf.limits()["DailyApiRequests"]["Max"] > 0, "limits")
expect(sf.query("SELECT Id, Name FROM Organization")["records"][0]["Id"].startswith("00D"), "organization")

# A case's life.
queue = sf.query("SELECT Id FROM Group WHERE Type = 'Queue' AND Name = 'Support'")["records"][0]["Id"]
subject = "O'Reilly \\ \"Umlaute\" äöü"
case = sf.Case.create({"Subject": subject, "OwnerId": queue, "ObjectRouting_Skills__c": "English"})
expect(case["success"] and len(case["id"]) == 18, case)
found = sf.query(format_soql("SELECT Id, Owner.Name, CreatedDate FROM Case WHERE Subject = {}", subject))
expect(found["totalSize"] == 1 and found["records"][0]["Owner"]["Name"] == "Support", found)
expect(sf.Case.get(case["id"])["Subject"] == subject, "text comes back as it went")
expect(sf.Case.update(case["id"], {"Status": "Closed"}) == 204, "update")
expect(sf.Case.get(case["id"])["IsClosed"] is True, "closed")
expect(sf.CaseComment.create({"ParentId": case["id"], "CommentBody": "hello"})["success"], "comment")
rows = sf.query_all("SELECT Change__c FROM Routing_Request__c WHERE Case_Id__c = '%s' ORDER BY Id" % case["id"])
expect([row["Change__c"] for row in rows["records"]] == ["created", "closed", "comment"], rows)
expect(sf.Case.delete(case["id"]) == 204, "delete")
refused(SalesforceResourceNotFound, lambda: sf.Case.get(case["id"]), "reading a deleted case")
expect(sf.query("SELECT COUNT() FROM Case")["totalSize"] == 0, "count without deleted")
expect(sf.query("SELECT COUNT() FROM Case", include_deleted=True)["totalSize"] == 1, "queryAll counts deleted")

# Pages: more rows than one answer holds.
for start in range(0, 2400, 200):
    answer = sf.restful(
        "composite/sobjects",
        method="POST",
        json={"records": [{"attributes": {"type": "Account"}, "Name": f"A{start + i}"} for i in range(200)]},
    )
    expect(all(row["success"] for row in answer), answer)
everything = sf.query_all("SELECT Id, Name FROM Account ORDER BY Id")
expect(everything["done"] and len(everything["records"]) == 2400, everything["totalSize"])
expect(len({row["Id"] for row in everything["records"]}) == 2400, "every account once")
expect(sum(1 for _ in sf.query_all_iter("SELECT Id FROM Account")) == 2400, "query_all_iter")

# Refusals.
error = refused(SalesforceMalformedRequest, lambda: sf.query("SELECT Id FROM Case WHERE"), "half a query")
expect(error.content[0]["errorCode"] == "MALFORMED_QUERY", error.content)
error = refused(SalesforceMalformedRequest, lambda: sf.query("SELECT Nothing FROM Case"), "an unknown field")
expect(error.content[0]["errorCode"] == "INVALID_FIELD", error.content)
error = refused(
    SalesforceMalformedRequest,
    lambda: sf.Case.create({"ObjectRouting_Skills__c": "x" * 256}),
    "too long a text",
)
expect(error.content[0]["errorCode"] == "STRING_TOO_LONG", error.content)

used, maximum = sf.api_usage["api-usage"]
expect(0 < used <= maximum, "Sforce-Limit-Info")

# A session that was revoked: refused where only the session is known, renewed by itself where the client signed in.
bare = Salesforce(instance=host, session_id=sf.session_id)
expect(bare.query("SELECT Id FROM Case")["totalSize"] == 0, "the session works")
requests.post(f"https://{host}/services/oauth2/revoke", data={"token": sf.session_id}, timeout=120).raise_for_status()
refused(SalesforceExpiredSession, lambda: bare.query("SELECT Id FROM Case"), "a revoked session")
revoked = sf.session_id
expect(sf.query("SELECT Id FROM Case")["totalSize"] == 0 and sf.session_id != revoked, "signed in again")
print("simple-salesforce: ok")
