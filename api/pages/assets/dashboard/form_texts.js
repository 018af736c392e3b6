/** The form library's own texts. Double braces are the library's. */

import { t } from "./language.js";

const value = (name) => ({ value: `{{ ${name} }}` });

export const FORM_TEXTS = {
  errorAnyOf: t("Choose one of the forms, and fill it in."),
  errorOneOf: t("Choose one of the forms, and fill it in."),
  errorConst: t("Must be {value}.", value("const")),
  errorEnum: t("Choose one of the list."),
  errorExclusiveMaximum: t("Must be less than {value}.", value("exclusiveMaximum")),
  errorExclusiveMinimum: t("Must be more than {value}.", value("exclusiveMinimum")),
  errorFormat: t("Check how it is written."),
  errorMaximum: t("Must be at most {value}.", value("maximum")),
  errorMinimum: t("Must be at least {value}.", value("minimum")),
  errorMaxItems: t("Enter at most {value}.", value("maxItems")),
  errorMinItems: t("Enter at least {value}.", value("minItems")),
  errorMaxLength: t("At most {value} characters.", value("maxLength")),
  errorMinLength: t("At least {value} characters.", value("minLength")),
  errorMultipleOf: t("Must be a multiple of {value}.", value("multipleOf")),
  errorPattern: t("Check how it is written."),
  errorRequired: t("Something is missing."),
  errorType: t("Enter a value."),
  errorUniqueItems: t("Something is there twice."),
  arrayDelete: t("Delete item"),
  arrayMoveUp: t("Move up"),
  arrayMoveDown: t("Move down"),
  arrayAdd: t("Add item"),
  arrayAddAfter: t("Add after"),
  arrayDeleteAll: t("Delete all items"),
  objectAddProperty: t("Add property"),
};
