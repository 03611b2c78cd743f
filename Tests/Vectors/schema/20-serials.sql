DROP INDEX membership_records;
