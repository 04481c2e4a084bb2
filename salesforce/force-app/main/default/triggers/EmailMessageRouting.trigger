/** E-mails received ask for the case to be offered; e-mails sent are replies. */
trigger EmailMessageRouting on EmailMessage(after insert, after update) {
    RoutingTriggerHandler.onEmails(Trigger.operationType, Trigger.new, Trigger.oldMap);
}
