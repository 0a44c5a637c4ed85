CREATE ROLE companyos_app LOGIN;
CREATE ROLE companyos_audit LOGIN;
CREATE DATABASE companyos OWNER companyos_app;
REVOKE ALL ON DATABASE companyos FROM PUBLIC;
GRANT CONNECT ON DATABASE companyos TO companyos_audit;
